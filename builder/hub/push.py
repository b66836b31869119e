"""Upload of a package to a hub in one commit.

The content of all files goes first; then the commit publishes, replaces and removes at once. So a reader of the branch
sees one whole build, the old one until the commit and the new one after it, although shards of two builds may share
their names.
"""

from __future__ import annotations

import dataclasses
import logging

from builder.engine.store import Store
from builder.errors import UserError
from builder.hub.client import Hub
from builder.hub.plan import Held, Plan, make_plan, parse_manifest
from builder.hub.publish import check_held, publish
from builder.hub.viewer import shown_lines
from builder.package.check_manifest import forbidden
from builder.package.manifest import Manifest, read_manifest
from builder.package.verify_subprocess import verify_in_subprocess
from cytoimagenet_reader import layout

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Pushed:
    """The result of a push.

    ``commit`` is None where there was nothing to do or it was a dry run.
    """

    url: str
    plan: Plan
    commit: str | None
    tag: str | None


def push(
    package: Store | str,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    create_pr: bool = False,
    dry_run: bool = False,
    tag: str | None = None,
    token: str | None = None,
    endpoint: str | None = None,
    workers: int = 1,
    wait: float = 1.0,
) -> Pushed:
    """Verify, upload and check a local package.

    Nothing is removed from the repository but what an earlier package put there. The same call after an interruption
    goes on: the hub is asked what it has before anything is sent.

    Parameters
    ----------
    revision : branch, made where it is missing; None is main
    create_pr : open a pull request in place of changing the branch
    dry_run : say what would change, and change nothing
    tag : name of the version; None is ``v<version>``
    token, endpoint : None takes what ``huggingface_hub`` is set up with
    workers : processes that verify the package
    wait : seconds before the first second try of a failed request

    Raises
    ------
    UserError
        In one line: a package with problems, no or a read-only token, a name that is taken, no room, a hub that
        does not answer.
    """
    store = package if isinstance(package, Store) else Store(package)
    manifest = _checked(store, repo_id, create_pr, revision, workers)
    hub = Hub(repo_id, revision, token, endpoint, wait)
    log.info("asking %s", hub.url)
    if not dry_run:
        hub.check_token()
    head = hub.head()
    _refuse_restricted(manifest, repo_id, hub.is_private if head else private)
    held = hub.files(head) if head else {}
    old = _old_manifest(hub, held, head)
    plan = make_plan(store, manifest, held, old, repo_id, lambda path: hub.read(path, str(head)))
    for line in plan.lines(repo_id):
        log.info("%s", line)
    for line in shown_lines(manifest):
        log.info("%s", line)
    if dry_run:
        return Pushed(hub.url, plan, None, None)
    name = tag or f"v{manifest['version']}"
    if not (plan.new or plan.changed or plan.gone) and head:
        hub.tag(name, head)
        log.info("nothing to do: %s holds this package", hub.url)
        return Pushed(hub.url, plan, None, name)
    head = head or hub.create(private)
    commit = publish(hub, store, manifest, plan, held, head, create_pr)
    check_held(hub, store, manifest, commit)
    if not create_pr:
        hub.tag(name, commit)
    log.info("%s holds version %s", hub.url, manifest["version"])
    return Pushed(hub.url, plan, commit, None if create_pr else name)


def _checked(store: Store, repo_id: str, create_pr: bool, revision: str | None, workers: int) -> Manifest:
    if create_pr and revision not in (None, "main"):
        raise UserError("a pull request goes to main: give --create-pr or --revision, not both")
    manifest = read_manifest(store)
    if store.local(layout.MANIFEST) is None:
        raise UserError(f"push wants a local package; copy {store.url} to a disk first")
    log.info("verifying %s", store.url)
    problems = verify_in_subprocess(store, workers=workers)
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) != 1)}"
        raise UserError(f"{store.url} has {count}, the first: {problems[0]}; see `cytoimagenet verify`")
    scripts = sorted(forbidden(repo_id) & set(store.list()))
    if scripts:
        raise UserError(f"{store.url} holds {scripts[0]}, which newer `datasets` refuse in {repo_id}; remove it")
    return manifest


def _refuse_restricted(manifest: Manifest, repo_id: str, private: bool) -> None:
    names = [source["dir_name"] for source in manifest["sources"] if source.get("derivatives") is False]
    if names and not private:
        raise UserError(
            f"the licence of {', '.join(names)} forbids publishing changed images, and {repo_id} would be public; "
            "push with --private to a new name, or build without them"
        )


def _old_manifest(hub: Hub, held: Held, head: str | None) -> Manifest | None:
    if head is None or layout.MANIFEST not in held:
        return None
    return parse_manifest(hub.read(layout.MANIFEST, head))
