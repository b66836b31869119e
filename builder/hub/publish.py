"""Upload, single commit and verification of a package's files."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final

from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from builder.engine.store import Store
from builder.errors import UserError
from builder.hub.changelog import changelog
from builder.hub.client import Hub
from builder.hub.errors import is_conflict
from builder.hub.plan import Held, Plan, git_oid, is_held
from builder.package.manifest import ClassIndex, Manifest, class_index_of, read_class_index
from cytoimagenet_reader import layout
from cytoimagenet_reader.manifest import ManifestError
from cytoimagenet_reader.retry import GaveUpError, is_transient, retry

log = logging.getLogger(__name__)

_BATCH: Final = 16  # files whose upload is asked for at once


def publish(hub: Hub, store: Store, manifest: Manifest, plan: Plan, held: Held, head: str, create_pr: bool) -> str:
    """Upload contents and commit; return the commit.

    With ``create_pr`` it is the pull request's.
    """
    additions = [CommitOperationAdd(path, str(store.local(path))) for path in (*plan.new, *plan.changed)]
    for number, batch in enumerate(_batches(additions, _BATCH)):
        log.info("uploading %s of %s files", min((number + 1) * _BATCH, len(additions)), len(additions))
        hub.upload(batch, create_pr)
    notes = _changelog(hub, store, manifest, plan, held, head)
    operations = [
        *additions,
        CommitOperationAdd(layout.CHANGELOG, notes.encode()),
        *(CommitOperationDelete(path) for path in plan.gone),
    ]
    return _commit(hub, store, manifest, operations, head, create_pr)


def _changelog(hub: Hub, store: Store, manifest: Manifest, plan: Plan, held: Held, head: str) -> str:
    before = hub.read(layout.CHANGELOG, head).decode("utf-8", "replace") if layout.CHANGELOG in held else ""
    old_index: ClassIndex = {}
    if plan.old and layout.CLASSES in held:
        with contextlib.suppress(ManifestError):  # of a package that another version wrote: all classes are new then
            old_index = class_index_of(hub.read(layout.CLASSES, head))
    return changelog(before, manifest, read_class_index(store), plan.old, old_index)


def _commit(hub: Hub, store: Store, manifest: Manifest, operations: Sequence[Any], head: str, create_pr: bool) -> str:
    """Commit on top of ``head``, retrying after a lost answer.

    The branch's head tells whether the lost commit was made.
    """
    attempts = 0

    def attempt() -> str:
        nonlocal attempts
        attempts += 1
        if attempts > 1 and (found := made()):  # shown late: look before all is sent again
            return found
        try:
            return hub.commit_once(operations, f"Version {manifest['version']}", head, create_pr)
        except Exception as error:
            found = made()
            if found is None:
                raise
            log.info("the commit was made, though its answer was lost (%s)", hub.shown(error))
            return found

    def made() -> str | None:
        return None if create_pr else _commit_made(hub, store, manifest, head)

    def may_pass(error: BaseException) -> bool:
        lost = attempts > 1 and is_conflict(error)  # perhaps by an earlier attempt, not to be seen yet
        return is_transient(error) or lost

    try:
        return retry(attempt, hub.limits, retried=may_pass, wait=hub.wait)
    except GaveUpError as gave_up:
        said = f"{gave_up.attempts} times ({hub.shown(gave_up.last)})"
        raise UserError(f"the commit to {hub.url} failed {said}; run the same push again") from None
    except Exception as error:  # noqa: BLE001 -- what is no failure of the hub is raised again
        raise hub.explained(error) from None


def _commit_made(hub: Hub, store: Store, manifest: Manifest, head: str) -> str | None:
    """Return the branch's commit if it holds this package now."""
    now = hub.head()
    if now in (None, head):
        return None
    return now if now and not _not_held(hub.files(now), store, manifest) else None


class _OtherFilesError(Exception):
    """The hub does not show this package's files."""

    def __init__(self, files: list[str]) -> None:
        super().__init__(files)
        self.files = files


def check_held(hub: Hub, store: Store, manifest: Manifest, commit: str) -> None:
    """Compare the hub's hashes for the commit with the manifest's.

    A hub may need a moment to show them.
    """

    def compare() -> None:
        try:
            missing = _not_held(hub.files(commit), store, manifest)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            missing = [layout.MANIFEST]
        if missing:
            raise _OtherFilesError(missing)

    try:
        retry(compare, hub.limits, retried=lambda error: isinstance(error, _OtherFilesError))
    except GaveUpError as gave_up:
        files = gave_up.last.files if isinstance(gave_up.last, _OtherFilesError) else []
        raise UserError(
            f"{hub.url} holds {len(files)} files other than this package's, for instance {files[0]}; push again"
        ) from None


def _not_held(held: Held, store: Store, manifest: Manifest) -> list[str]:
    """Return the package's files that the hub lacks or changed."""
    wrong = [
        path
        for path, facts in manifest["files"].items()
        if path not in held or not is_held(store, path, facts, held[path])
    ]
    _, oid, _ = held.get(layout.MANIFEST, (0, "", None))
    return wrong if oid == git_oid(store.read_bytes(layout.MANIFEST)) else [*wrong, layout.MANIFEST]


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
