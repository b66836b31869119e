from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from builder.engine.log import RunLog


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_run_begins_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.jsonl"
    with RunLog(path) as log:
        log.write("done", task="é\n", seconds=0.123456)
    begin, done, end = _lines(path)
    assert (begin["event"], end["event"], end["error"]) == ("begin", "end", None)
    assert (done["task"], done["seconds"]) == ("é\n", 0.123)


def test_what_ended_a_run_is_noted(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RunLog(tmp_path / "x"):
        raise ZeroDivisionError("a bug")
    assert _lines(tmp_path / "x")[-1]["error"] == "ZeroDivisionError: a bug"


def _write_many(path: str, name: str) -> None:
    with RunLog(path) as log:
        for n in range(500):
            log.write("done", task=name * 50, weight=n)


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(str(path), name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = _lines(path)
    assert len(found) == 2 * 502
    assert sum(line["event"] == "done" for line in found) == 1000


def test_a_surrogate_in_a_name_is_no_reason_to_stop(tmp_path: Path) -> None:
    with RunLog(tmp_path / "x") as log:
        log.write("done", task="broken \udcff name")
    assert "name" in str(_lines(tmp_path / "x")[1]["task"])
