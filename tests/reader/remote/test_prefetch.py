"""Pieces come in the order of need, within bounded memory.

All requests end when they are no longer wanted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cytoimagenet_reader.errors import PackageError, ShardError
from cytoimagenet_reader.remote import prefetch, retrying, window
from cytoimagenet_reader.remote.prefetch import Need, Prefetch
from cytoimagenet_reader.remote.ranges import Ranges
from cytoimagenet_reader.retry import Limits
from tests.loading.server import Faults, serving

SIZE = 100_000  # bytes of a piece
PIECES = 60
PATHS = ("data/a/train.bin", "data/b/train.bin")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for seed, path in enumerate(PATHS):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(np.random.default_rng(seed).bytes(SIZE * PIECES))
    return folder


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "LIMITS", Limits(attempts=6, first_wait=0.01))


def needs(keys: Iterator[int] | range = range(PIECES)) -> Iterator[Need]:
    return (Need(path, key, key * SIZE, (key + 1) * SIZE) for key in keys for path in PATHS)


def at(url: str) -> Callable[[str], Ranges]:
    return lambda path: Ranges(f"{url}/{path}", {})


def taken(found: Prefetch, path: str, key: int) -> bytes:
    begin, data = found.take(path, key)
    return data[key * SIZE - begin : (key + 1) * SIZE - begin].tobytes()


def test_every_piece_is_its_bytes_and_each_byte_is_sent_once(files: Path) -> None:
    with serving(files, server := Faults()) as url:
        found = Prefetch(needs(), at(url))
        for need in needs():
            assert taken(found, need.path, need.key) == (files / need.path).read_bytes()[need.low : need.high]
        found.close()
    assert sum(sent for _, sent in server.requests) == 2 * SIZE * PIECES
    assert found.held == 0


def test_what_is_held_is_never_more_than_the_window(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefetch, "_JOINED", SIZE)
    monkeypatch.setattr(window, "MOST", 7 * SIZE)
    held = []
    with serving(files, Faults()) as url:
        found = Prefetch(needs(), at(url))
        for need in needs():
            time.sleep(0.001)  # all that may be asked for is
            held.append(found.held)
            taken(found, need.path, need.key)
        found.close()
    assert max(held) == 7 * SIZE


def test_pieces_out_of_order_and_a_piece_that_two_need(files: Path) -> None:
    keys = [0, 1, 2, 2, 3, 4]
    with serving(files, server := Faults()) as url:
        found = Prefetch(needs(iter(keys)), at(url))
        for key in (3, 0, 4, 2, 1, 2):
            assert taken(found, PATHS[1], key) == (files / PATHS[1]).read_bytes()[key * SIZE : (key + 1) * SIZE]
        with pytest.raises(LookupError, match="piece 7"):
            found.take(PATHS[0], 7)
        found.close()
    sent = sum(sent for path, sent in server.requests if path == f"/{PATHS[1]}")
    assert sent == 5 * SIZE  # what two need was kept for the second


def test_an_answer_that_breaks_off_goes_on_where_it_did(files: Path) -> None:
    server = Faults(short=3)  # each time half of what was asked for
    with serving(files, server) as url:
        found = Ranges(f"{url}/{PATHS[0]}", {}).read(1000, 1000 + 80_000)
    assert found == (files / PATHS[0]).read_bytes()[1000:81_000]
    assert [sent for _, sent in server.requests] == [40_000, 20_000, 10_000, 10_000]


def test_a_version_is_checked_once_for_answers_at_once_and_before_the_bytes_are_used(files: Path) -> None:
    checked, allowed = list[object](), threading.Event()

    def check(version: object) -> None:
        checked.append(version)
        assert allowed.wait(60)

    with serving(files, Faults()) as url:
        ranges = Ranges(f"{url}/{PATHS[0]}", {}, check)
        found = Prefetch((need for need in needs() if need.path == PATHS[0]), lambda _: ranges)
        reader = threading.Thread(target=found.take, args=(PATHS[0], 0), daemon=True)
        reader.start()
        reader.join(0.1)
        assert reader.is_alive()
        allowed.set()
        reader.join(60)
        assert not reader.is_alive()
        for key in range(1, PIECES):
            taken(found, PATHS[0], key)
        found.close()
    assert len(checked) == 1


def test_what_a_check_finds_comes_before_what_broke_off(files: Path) -> None:
    """Else bytes of an unchecked version would be kept.

    Namely those that came before the connection broke.
    """

    def check(_: object) -> None:
        raise PackageError("rebuilt")

    for faults in (Faults(), Faults(dropped=1)):
        with serving(files, faults) as url, pytest.raises(PackageError, match="rebuilt"):
            Ranges(f"{url}/{PATHS[0]}", {}, check).read(0, SIZE)


def test_a_lasting_fault_is_raised_where_the_bytes_are_wanted(files: Path) -> None:
    with serving(files, Faults(busy=10**6)) as url:
        found = Prefetch(needs(), at(url))
        with pytest.raises(ShardError, match=r"a/train.bin: .*status 503.*tried 6 times"):
            found.take(PATHS[0], 0)
        found.close()


def test_closing_ends_what_is_under_way(files: Path) -> None:
    server = Faults()
    server.delay = 0.05
    with serving(files, server) as url:
        found = Prefetch(needs(), at(url))
        found.take(PATHS[0], 0)
        found.close()
        time.sleep(0.3)
        asked = len(server.requests)
        time.sleep(0.2)
        assert len(server.requests) == asked < PIECES
    until = time.monotonic() + 60
    while threads() > 16 and time.monotonic() < until:  # one that ends is counted until it has
        time.sleep(0.01)
    assert threads() <= 16


def threads() -> int:
    return sum(thread.name == "cytoimagenet remote" for thread in threading.enumerate())
