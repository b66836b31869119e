"""Push to a hub on loopback, through the real client.

Contents, one commit, faults, one-line errors.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from builder.errors import UserError
from builder.hub.push import Pushed, push
from builder.sources.common import licenses
from cytoimagenet_reader.retry import Limits
from tests.hub.faults import Faults
from tests.hub.server import Hub
from tests.package.made import CLASSES, make_package

REPO = "someone/cytoimagenet"
LARGE = (".arrow", ".parquet", ".png")  # what the hub keeps as LFS files


def send(server: Hub, folder: Path, token: str = "hf_writer", **options: Any) -> Pushed:
    return push(str(folder), REPO, token=token, endpoint=server.url, wait=0.01, **options)


def held(server: Hub, revision: str = "main") -> dict[str, bytes]:
    commit = server.repos.resolve(REPO, revision)
    return {p: server.repos.content(e).read_bytes() for p, e in server.repos.tree(REPO, commit).items()}


def package_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def titles(server: Hub) -> list[str]:
    commits = server.repos.load(REPO)["commits"].values()
    return [commit["title"] for commit in sorted(commits, key=lambda commit: commit["number"])]


def assert_holds(server: Hub, folder: Path, revision: str = "main") -> None:
    found = held(server, revision)
    assert {path: found.get(path) for path in package_of(folder)} == package_of(folder)
    assert found.keys() - package_of(folder).keys() <= {".gitattributes", "CHANGELOG.md"}


def test_every_byte_arrives_in_one_commit_with_a_tag(hub: Hub, built: Path) -> None:
    done = send(hub, built)
    assert_holds(hub, built)
    assert len(titles(hub)) == 2  # the hub's own, and ours
    assert done.tag is not None
    assert hub.repos.resolve(REPO, done.tag) == hub.repos.resolve(REPO, "main") == done.commit
    assert any("/complete" in line for line in hub.log)  # some shard was large enough for several parts


def test_the_same_again_sends_nothing_and_commits_nothing(hub: Hub, built: Path) -> None:
    send(hub, built)
    before = hub.received
    assert send(hub, built).commit is None
    assert hub.received - before < 1000
    assert len(titles(hub)) == 2


def test_a_dry_run_needs_no_token_and_changes_nothing(hub: Hub, built: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    done = push(str(built), REPO, endpoint=hub.url, dry_run=True)
    assert len(done.plan.new) == len(package_of(built))
    assert done.plan.bytes_to_send == sum(map(len, package_of(built).values()))
    assert "holds no package yet" in caplog.text
    assert not list((hub.repos.root / "repos").iterdir())


def test_a_rebuilt_package_sends_only_what_changed_and_removes_only_its_own(
    hub: Hub, built: Path, tmp_path: Path
) -> None:
    send(hub, built)
    notes = {"NOTES.md": hub.repos.blob(b"by hand")}
    hub.repos.commit(REPO, "main", None, "by hand", notes)
    fewer = tmp_path / "fewer" / "cytoimagenet"
    make_package(fewer, classes={**CLASSES, "gene": ()}, recipe=_recipe(seed=1))
    before = hub.received_files
    done = send(hub, fewer)
    found = held(hub)
    assert found.pop("NOTES.md") == b"by hand"
    assert done.plan.kept == ("NOTES.md",)
    assert set(done.plan.gone) == {path for path in package_of(built) if path.startswith("data/gene/")}
    assert package_of(fewer).items() <= found.items()
    assert not any(path.startswith("data/gene/") for path in found)
    sent = {*done.plan.new, *done.plan.changed}
    assert not any(path.startswith("data/") for path in sent)  # the other categories' shards were there
    large = sum(len(data) for path, data in package_of(fewer).items() if path in sent and path.endswith(LARGE))
    assert hub.received_files - before == large
    changes = found["CHANGELOG.md"].decode()
    assert "Classes removed (1): tp53 targeted" in changes
    assert "seed 0 → 1" in changes
    assert "Images: 70 → 60" in changes
    assert changes.count("\n## ") == 2


def _recipe(**values: int) -> Any:
    from builder.recipe import Recipe
    from tests.package.made import RECIPE

    return Recipe.of(RECIPE.as_dict() | values)


def test_a_file_that_someone_put_in_place_of_ours_is_not_removed(hub: Hub, built: Path, tmp_path: Path) -> None:
    send(hub, built)
    path = "data/gene/train-00000-of-00002.arrow"
    other = hashlib.sha256(b"theirs").hexdigest()
    (hub.repos.root / "lfs" / other).write_bytes(b"theirs")
    hub.repos.commit(REPO, "main", None, "by hand", {path: hub.repos.lfs_entry(other)})
    fewer = tmp_path / "fewer" / "cytoimagenet"
    make_package(fewer, classes={**CLASSES, "gene": ()})
    assert path in send(hub, fewer).plan.kept
    assert held(hub)[path] == b"theirs"


def test_a_branch_and_a_pull_request_leave_main_alone(hub: Hub, built: Path, tmp_path: Path) -> None:
    send(hub, built)
    main = held(hub)
    other = tmp_path / "other" / "cytoimagenet"
    make_package(other, seed=5)
    send(hub, other, create_pr=True)
    send(hub, other, revision="next")
    assert held(hub) == main
    assert_holds(hub, other, "refs/pr/1")
    assert_holds(hub, other, "next")


@pytest.mark.slow
def test_failing_requests_lost_answers_and_stale_reads_end_in_the_same_state(hub: Hub, built: Path) -> None:
    hub.faults = Faults(share=0.1, lose_commits=1, stale_reads=2, seed=4)
    send(hub, built)
    assert_holds(hub, built)
    assert titles(hub) == ["initial commit", titles(hub)[1]]
    assert titles(hub)[1].startswith("Version ")
    assert hub.received < 1.5 * sum(map(len, package_of(built).values())) + 200_000


def test_what_the_hub_holds_is_compared_not_what_was_sent(hub: Hub, built: Path, monkeypatch: Any) -> None:
    def wrong(sha256: str) -> dict[str, Any]:
        return {"oid": "0" * 40, "size": 7, "lfs": sha256}

    monkeypatch.setattr(hub.repos, "lfs_entry", wrong)
    monkeypatch.setattr("builder.hub.client.LIMITS", Limits(attempts=3, longest_wait=0.01))
    with pytest.raises(UserError, match=r"holds .* files other than this package's"):
        send(hub, built)


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (None, "no token: run"),
        ("hf_wrong", "does not know this token"),
        ("hf_reader", "can only read"),
        ("hf_other", "may not write to someone/cytoimagenet"),
    ],
)
def test_tokens_that_cannot_write_are_one_line_without_the_token(
    hub: Hub, built: Path, token: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "builder")
    with pytest.raises(UserError, match=says) as caught:
        send(hub, built, token=token)
    text = str(caught.value)
    assert "\n" not in text
    assert token is None or token not in text + caplog.text


@pytest.mark.parametrize("path", ["cytoimagenet.py", "photos/cat.jpg"])
def test_a_repository_of_something_else_is_left_alone(hub: Hub, built: Path, path: str) -> None:
    hub.repos.create(REPO, private=False)
    hub.repos.commit(REPO, "main", None, "theirs", {path: hub.repos.blob(b"x")})
    with pytest.raises(UserError, match=path):
        send(hub, built)
    assert set(held(hub)) == {".gitattributes", path}


def test_no_room_and_a_dead_hub_are_one_line(hub: Hub, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.faults = Faults(quota=10_000)
    with pytest.raises(UserError, match="someone is out of storage"):
        send(hub, built)
    hub.faults = Faults(share=1.0, kinds=("503",))
    monkeypatch.setattr("builder.hub.client.LIMITS", Limits(attempts=2, longest_wait=0.01))
    with pytest.raises(UserError, match="failed 2 times"):
        send(hub, built)


def test_a_package_with_a_problem_or_a_script_is_not_pushed(hub: Hub, built: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(built, tmp_path / "cytoimagenet"))
    (copy / "classes.json").write_text("{}")
    with pytest.raises(UserError, match=r"1 problem, the first: classes\.json"):
        send(hub, copy)
    with pytest.raises(UserError, match="namespace/name"):
        push(str(built), "cytoimagenet", token="hf_writer", endpoint=hub.url)
    assert hub.log == []


def test_what_a_licence_forbids_to_publish_goes_to_private_repositories_only(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "cytoimagenet"
    make_package(folder, licence=licenses.CC_BY_NC_ND_4)
    assert "**Not to be published**" in (folder / "README.md").read_text("utf-8")
    with pytest.raises(UserError, match="bbbc900, bbbc901 forbids publishing"):
        send(hub, folder)
    send(hub, folder, private=True)
    assert hub.repos.load(REPO)["private"]
    assert send(hub, folder).commit is None
    hub.repos.create("someone/open", private=False)
    with pytest.raises(UserError, match="someone/open would be public"):
        push(str(folder), "someone/open", private=True, token="hf_writer", endpoint=hub.url)
