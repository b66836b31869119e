from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from builder.engine import run_logs
from builder.engine.retry import StoreError
from builder.engine.run_logs import open_log, read_run
from builder.engine.store import Store


@pytest.fixture
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(f"memory://{tmp_path.name}/{request.node.name}")


def kinds(work: Store) -> list[str]:
    return [event["event"] for event in read_run(work)]


def until(condition: Any) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < 20, "waited in vain"
        time.sleep(0.01)


def test_a_local_log_is_one_file_that_grows(tmp_path: Path) -> None:
    work = Store(tmp_path)
    with pytest.raises(FileNotFoundError):
        kinds(work)
    for _ in range(2):
        with open_log(work) as log:
            log.write("stage", stage="x")
    assert kinds(work) == ["begin", "stage", "end"] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]


def test_a_remote_log_can_be_read_while_the_run_goes_on_and_is_one_file_after_it(
    work: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_logs, "_EVERY", 0.01)
    with pytest.raises(FileNotFoundError):
        kinds(work)
    with open_log(work) as log:
        log.write("stage", stage="x", total=3)
        until(lambda: work.list("runs") and kinds(work) == ["begin", "stage"])
        log.write("done", stage="x", task="a", weight=1, seconds=1.0)
        until(lambda: kinds(work) == ["begin", "stage", "done"])
        assert len(work.list("runs")) == 2
    assert kinds(work) == ["begin", "stage", "done", "end"]
    (whole,) = work.list("runs")
    lines = [json.loads(line) for line in work.read_bytes(whole).splitlines()]
    assert lines[2]["task"] == "a"
    assert whole.removeprefix("runs/").removesuffix(".jsonl").isdigit()


def test_a_run_that_was_killed_leaves_its_pieces_and_one_without_stages_hides_nothing(work: Store) -> None:
    event = json.dumps({"time": 1, "event": "stage", "stage": "killed"}).encode()
    work.write_bytes("runs/0000000000007/000000.jsonl", b'{"time": 1, "event": "begin"}\n')
    work.write_bytes("runs/0000000000007/000001.jsonl", event + b"\n" + b'{"time": 2, "eve')
    work.write_bytes("runs/0000000000006.jsonl", event.replace(b"killed", b"older"))
    with open_log(work):
        pass
    assert kinds(work) == ["begin", "stage"]
    assert [found["stage"] for found in read_run(work) if "stage" in found] == ["killed"]


def test_a_store_that_fails_ends_no_run_and_is_not_waited_for_again(
    work: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = threading.Event()

    def fail(self: Store, rel: str, data: bytes) -> None:
        asked.set()
        raise StoreError(f"{rel} fails")

    monkeypatch.setattr(run_logs, "_EVERY", 0.01)
    monkeypatch.setattr(Store, "write_bytes", fail)
    with open_log(work) as log:
        log.write("stage", stage="x")
        assert asked.wait(10)
    assert "the run log is not published: " in caplog.text
    caplog.clear()
    with pytest.raises(StoreError, match="the build's"), open_log(work):
        raise StoreError("the build's")
    assert not caplog.text
