"""Stores on a real S3 server on loopback.

In order and out of order.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

import fsspec
import pytest

pytest.importorskip("moto")
pytest.importorskip("s3fs")

from builder.engine import markers, remote, retry
from builder.engine.store import Store
from builder.errors import UserError
from tests.engine.s3 import Server, running_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as made:
        yield made


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    server.faults.fail = lambda method, path: ""
    yield Store(f"s3://{server.bucket()}/kept", server.options())
    server.faults.fail = lambda method, path: ""


def _some(fraction: float, what: str) -> object:
    draw = random.Random(3)
    return lambda method, path: what if draw.random() < fraction else ""


def test_files_of_every_size(store: Store) -> None:
    for size in (0, 1, 70_000):
        content = random.Random(size).randbytes(size)
        store.write_bytes(f"a/{size}", content)
        assert store.read_bytes(f"a/{size}") == content
        assert store.size(f"a/{size}") == size
        assert store.read_range(f"a/{size}", 0, 70_001) == content
        assert store.read_range(f"a/{size}", 10, 20) == content[10:20]
        with store.open(f"a/{size}") as file:
            file.seek(size // 2)
            assert file.read() == content[size // 2 :]
    assert store.sizes("a") == {"a/0": 0, "a/1": 1, "a/70000": 70_000}
    assert store.local("a/0") is None


def test_nothing_is_visible_before_the_end(store: Store) -> None:
    with store.writing("a/x") as file:
        file.write(b"half")
        file.flush()
        assert store.list() == []
    assert store.list() == ["a/x"]


def test_another_process_sees_what_was_written_since_it_listed(server: Server, store: Store) -> None:
    other = Store(store.url, server.options(skip_instance_cache=True))
    assert other.list() == []
    store.write_bytes("a/x", b"1")
    assert other.exists("a/x")
    assert other.list() == ["a/x"]
    store.delete("a/x")
    assert not other.exists("a/x")


def test_names_that_urls_would_spell_otherwise(store: Store) -> None:
    names = ["a b/c#1.bin", "a/50%.bin", "a/%41.bin", "é/ü.bin", "a/[x].bin", "a/x+y?.bin"]
    for name in names:
        store.write_bytes(name, name.encode())
    assert store.list() == sorted(names)
    assert store.read_many(names) == {name: name.encode() for name in names}


def test_markers_are_read_together(server: Server, store: Store) -> None:
    for n in range(20):
        markers.mark_done(store, f"shard/{n}", "made", n=n)
    server.faults.fail = lambda method, path: "slow" if method == "GET" and ".json" in path else ""
    import time

    began = time.monotonic()
    found = markers.find_done(store, {f"shard/{n}": "made" for n in range(30)})
    assert found == {f"shard/{n}": {"n": n} for n in range(20)}
    assert time.monotonic() - began < 30 * 0.5 / 2, "one after another takes 15 s"


@pytest.mark.parametrize("what", ["503", "slow", "cut"])
def test_a_server_that_fails_now_and_then_changes_nothing(
    server: Server, store: Store, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_LIMITS", dataclasses.replace(retry._LIMITS, first_wait=0.01))
    failed = server.faults.failed
    server.faults.fail = _some(0.3, what)  # type: ignore[assignment]
    contents = {f"{n % 3}/{n}": random.Random(n).randbytes(5000) for n in range(5)}
    for name, content in contents.items():
        store.write_bytes(name, content)
    assert {name: store.read_bytes(name) for name in contents} == contents
    assert store.read_many(contents) == contents
    server.faults.fail = lambda method, path: ""
    assert server.faults.failed > failed
    assert store.sizes() == dict.fromkeys(sorted(contents), 5000)


def test_a_file_that_is_not_there_after_a_failed_answer_is_left_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_bytes("there", b"1")

    def lost(paths: list[str], *_: object, **__: object) -> list[Exception]:
        return [OSError("connection lost") for _ in paths]

    monkeypatch.setattr(store._remote._fs, "cat_ranges", lost)
    assert store.read_many(["absent", "there"]) == {"there": b"1"}


def test_reads_of_an_open_file_are_tried_again(store: Store, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_LIMITS", dataclasses.replace(retry._LIMITS, first_wait=0.01))
    content = random.Random(1).randbytes(70_000)
    store.write_bytes("x", content)
    with store.open("x") as file:
        answers = iter(["cut", ""])
        server.faults.fail = lambda method, path: next(answers, "")
        file.seek(100)
        assert file.read(10) == content[100:110]
        assert next(answers, None) is None, "nothing failed: the test proves nothing"
        buffer = bytearray(20)
        assert file.readinto(buffer) == 20
        assert bytes(buffer) == content[110:130]
        assert file.tell() == 130
        assert file.read() == content[130:]
        assert file.read(5) == b""


def test_a_whole_file_is_one_request(server: Server, store: Store) -> None:
    for name in "xy":
        store.write_bytes(name, name.encode())
    before = server.faults.requests
    assert store.read_bytes("x") == b"x"
    assert server.faults.requests - before == 1
    assert store.read_many("xy") == {"x": b"x", "y": b"y"}
    assert server.faults.requests - before == 3


def test_small_pieces_of_a_large_file_do_not_ask_for_the_whole(server: Server, store: Store) -> None:
    content = random.Random(1).randbytes(3_000_000)
    store.write_bytes("x", content)
    sent: list[int] = []
    server.faults.sent = lambda method, path, size: sent.append(size) if method == "GET" else None
    with store.open("x", block=10_000) as file:
        for place in (2_999_000, 1_000_000, 1_000_900, 17):
            file.seek(place)
            assert file.read(500) == content[place : place + 500]
    server.faults.sent = lambda method, path, size: None
    assert sent == [1_000, 10_500, 10_500]


def test_a_server_that_is_down_is_one_line(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_LIMITS", dataclasses.replace(retry._LIMITS, seconds=1.0))
    bucket = server.bucket()
    server.faults.fail = lambda method, path: "503"
    limits = {"retries": {"max_attempts": 1}, "read_timeout": 1}
    store = Store(f"s3://{bucket}/kept", server.options(config_kwargs=limits, skip_instance_cache=True))
    with pytest.raises(UserError, match=r"s3://bucket-\d+/kept/x fails \(.*run the same command again") as caught:
        store.write_bytes("x", b"1")
    assert "\n" not in str(caught.value)
    server.faults.fail = lambda method, path: ""
    assert not store.exists("x")


def test_a_server_that_refuses_is_not_asked_again(server: Server, store: Store) -> None:
    store.write_bytes("x", b"1")
    server.faults.fail = lambda method, path: "403"
    before = server.faults.requests
    with pytest.raises(UserError, match=r"kept/x is not allowed .*: check the credentials"):
        store.read_bytes("x")
    assert server.faults.requests - before <= 6  # what s3fs asks for one reading; seven attempts are 35


def test_a_server_that_gives_no_answer_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_LIMITS", dataclasses.replace(retry._LIMITS, seconds=1.0))
    limits = {"retries": {"max_attempts": 1}, "read_timeout": 0.3}
    store = Store(f"s3://{server.bucket()}/x", server.options(config_kwargs=limits, skip_instance_cache=True))
    server.faults.fail = lambda method, path: "hang"
    with pytest.raises(UserError, match="run the same command again"):
        store.read_bytes("x")
    server.faults.fail = lambda method, path: ""
    server.faults.stop.set()
    store.write_bytes("x", b"answers again")
    assert store.read_bytes("x") == b"answers again"


def test_a_dead_server_is_given_up_before_an_image_would_be() -> None:
    """Else images would be rejected for the network's fault."""
    from builder.engine.run import RunSettings

    limits = remote._with_limits("s3", {})["config_kwargs"]
    attempts = limits["retries"]["max_attempts"]
    longest_attempt = (limits["read_timeout"] + limits["connect_timeout"]) * attempts
    assert retry._LIMITS.seconds is not None
    assert retry._LIMITS.seconds + longest_attempt < RunSettings().time_limit


def test_users_limits_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"config_kwargs": {"read_timeout": 5}, "anon": True}
    merged = remote._with_limits("s3", options)
    assert merged["config_kwargs"]["read_timeout"] == 5
    assert merged["anon"] is True
    assert remote._with_limits("gs", options) == options
    monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": {"read_timeout": 7, "proxies": {"http": "x"}}})
    configured = remote._with_limits("s3", {})["config_kwargs"]
    assert (configured["read_timeout"], configured["proxies"]) == (7, {"http": "x"})
    assert configured["connect_timeout"] == remote._with_limits("s3", options)["config_kwargs"]["connect_timeout"]
    assert options == {"config_kwargs": {"read_timeout": 5}, "anon": True}
