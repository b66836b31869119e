from __future__ import annotations

import errno
import hashlib
import os
import pickle
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builder.engine import localfiles
from builder.engine.localfiles import HIDDEN
from builder.engine.store import Store
from builder.errors import UserError


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return Store(tmp_path / "a store, with # and %41 é")
    return Store(f"memory://{tmp_path.name}/{request.node.name.partition('[')[0]}")


def test_what_is_written_is_read(store: Store) -> None:
    content = bytes(range(256)) * 500
    store.write_bytes("a/b c/d.bin", content)
    assert store.read_bytes("a/b c/d.bin") == content
    assert store.size("a/b c/d.bin") == 128_000
    assert store.sha256("a/b c/d.bin") == hashlib.sha256(content).hexdigest()
    with store.open("a/b c/d.bin") as file:
        file.seek(1000)
        assert file.read(3) == content[1000:1003]


def test_a_second_writing_replaces_the_first(store: Store) -> None:
    store.write_bytes("x", b"first, and longer")
    store.write_bytes("x", b"second")
    assert store.read_bytes("x") == b"second"


def test_listing(store: Store) -> None:
    for rel in ("b/2", "a/c/1", "a/3", "top"):
        store.write_bytes(rel, rel.encode())
    assert store.list() == ["a/3", "a/c/1", "b/2", "top"]
    assert store.list("a") == ["a/3", "a/c/1"]
    assert store.sizes("a/c") == {"a/c/1": 5}
    assert store.list("nowhere") == []


def test_deleting(store: Store) -> None:
    store.write_bytes("a/x", b"1")
    store.delete("a/x")
    store.delete("a/x")  # what is not there is no error
    assert not store.exists("a/x")
    assert store.list() == []


def test_what_is_not_there(store: Store) -> None:
    assert not store.exists("x")
    with pytest.raises(FileNotFoundError):
        store.read_bytes("x")
    with pytest.raises(FileNotFoundError):
        store.size("x")
    store.write_bytes("there", b"1")
    assert store.read_many(["x", "there", "y"]) == {"there": b"1"}


def test_an_exception_while_writing_publishes_nothing(store: Store) -> None:
    store.write_bytes("x", b"before")

    def fail() -> None:
        with store.writing("x") as file:
            file.write(b"half")
            raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        fail()
    assert store.read_bytes("x") == b"before"
    assert store.list() == ["x"]


def test_nothing_is_visible_before_the_end(store: Store) -> None:
    with store.writing("a/x") as file:
        file.write(b"half")
        file.flush()
        assert store.list() == []
        assert not store.exists("a/x")
    assert store.list() == ["a/x"]


def test_a_writer_may_close_the_file(store: Store) -> None:
    with store.writing("x") as file:  # as pyarrow's writers do
        file.write(b"whole")
        file.close()
    assert store.read_bytes("x") == b"whole"


@pytest.mark.parametrize("rel", ["../x", "/etc/x", "a/../../x"])
def test_no_path_leaves_the_store(store: Store, rel: str) -> None:
    for call in (store.exists, store.size, store.open, store.read_bytes, store.delete):
        with pytest.raises(ValueError, match="leaves the store"):
            call(rel)
    with pytest.raises(ValueError, match="leaves the store"):
        store.write_bytes(rel, b"1")


def test_pickling_keeps_where_it_is(store: Store) -> None:
    store.write_bytes("x", b"1")
    again: Store = pickle.loads(pickle.dumps(store))
    assert again.url == store.url
    assert again.read_bytes("x") == b"1"


def test_its_text_shows_no_keys() -> None:
    assert "hunter2" not in repr(Store("s3://bucket/x", {"secret": "hunter2"}))


def test_a_file_url_is_local(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}")
    store.write_bytes("x", b"1")
    assert store.local("x") == str(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"1"


def test_unknown_file_systems_are_named() -> None:
    with pytest.raises(UserError, match="nosuch://x cannot be opened"):
        Store("nosuch://x").exists("y")


def test_written_files_have_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        Store(tmp_path).write_bytes("x", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_clean_removes_what_dead_processes_left_and_nothing_else(tmp_path: Path) -> None:
    import platform

    store = Store(tmp_path)
    node = platform.node()
    store.write_bytes("a/kept", b"1")
    dead = tmp_path / f"a/{HIDDEN}{node}-4194999-aa"  # above the largest process number of Linux
    mine = tmp_path / f"a/{HIDDEN}{node}-{os.getpid()}-bb"
    other = tmp_path / f"a/{HIDDEN}another-host-77-cc"
    old = tmp_path / f"a/{HIDDEN}another-host-77-dd"
    for path in (dead, mine, other, old):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert store.clean() == 2
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(["kept", mine.name, other.name])
    assert store.list() == ["a/kept"]


def test_writing_in_a_folder_removes_what_dead_processes_left_there(tmp_path: Path) -> None:
    import platform

    (tmp_path / "a").mkdir()
    dead = tmp_path / f"a/{HIDDEN}{platform.node()}-4194999-aa"
    dead.write_bytes(b"half")
    alive = tmp_path / f"a/{HIDDEN}{platform.node()}-{os.getppid()}-bb"
    alive.write_bytes(b"half")
    Store(tmp_path).write_bytes("a/x", b"1")
    assert not dead.exists()
    assert alive.exists()


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"/file/a cannot be written to: .*; name another place"):
        Store(tmp_path / "file").write_bytes("a/x", b"1")


def test_a_full_disk_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    import errno

    def fill() -> None:
        with Store(tmp_path).writing("x"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match=r"no space left for .*/x: free some space and run the same command again"):
        fill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_what_a_process_left_goes_even_before_its_parent_noticed_its_end(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    while localfiles._is_running(child.pid):  # not waited for: a zombie from here on
        time.sleep(0.01)
    assert Path(f"/proc/{child.pid}").exists()
    left = tmp_path / f"{localfiles.HIDDEN}{platform.node()}-{child.pid}-abc"
    left.write_bytes(b"half")
    assert localfiles.clean(tmp_path) == 1
    assert not left.exists()
    child.wait()


def test_what_killed_processes_left_of_files_for_remote_stores_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(localfiles.tempfile, "gettempdir", lambda: str(tmp_path))
    left = localfiles.spool_folder() / f"{HIDDEN}{platform.node()}-4194999-aa"
    left.parent.mkdir()
    left.write_bytes(b"half")
    store = Store(f"memory://{tmp_path.name}/spool")
    with store.writing("x") as file:
        file.write(b"whole")
        (spool,) = left.parent.iterdir()
        assert spool != left
    assert store.read_bytes("x") == b"whole"
    with pytest.raises(ZeroDivisionError), store.writing("y"):
        raise ZeroDivisionError
    assert list(left.parent.iterdir()) == []
    assert store.list() == ["x"]


def test_scratch_folders_go_with_their_process_or_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(localfiles.tempfile, "gettempdir", lambda: str(tmp_path))
    names = [f"{HIDDEN}{platform.node()}-4194999-aa", f"{HIDDEN}{platform.node()}-{os.getppid()}-aa"]
    killed, running = (localfiles.spool_folder() / name for name in names)
    for folder in (killed, running):
        (folder / "notes").mkdir(parents=True)
        (folder / "notes/7.place").write_bytes(b"7")
        os.utime(folder, (1, 1))  # however old: a build may take weeks
    with localfiles.scratch_folder() as name:
        assert not killed.exists()
        assert (running / "notes/7.place").exists()
        assert list(Path(name).iterdir()) == []
    assert not Path(name).exists()


def test_no_place_for_temporary_files_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(localfiles.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    with pytest.raises(UserError, match="set TMPDIR to another place"):
        localfiles.scratch_folder()


def test_a_full_temporary_folder_is_named(tmp_path: Path) -> None:
    store = Store(f"memory://{tmp_path.name}/full")
    where = re.escape(str(localfiles.spool_folder()))
    with pytest.raises(UserError, match=f"no space left in {where} for memory://"), store.writing("x"):
        raise OSError(errno.ENOSPC, "No space left on device")
