from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.engine.log import RunLog, read_log
from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.errors import UserError
from builder.sources import bbbc005
from builder.sources.base import Image
from builder.sources.common.folder import Folder
from builder.sources.common.tables import read_table
from builder.stages.annotate import annotate_source as annotate_module
from builder.stages.annotate.adapter_errors import AdapterError
from builder.stages.annotate.annotate_source import annotate_source
from builder.stages.annotate.stage import Annotate
from builder.stages.context import BuildContext
from builder.stages.stage import carry_out


def _images(folder: Folder) -> Iterator[Image]:
    for (count,) in read_table(folder, "plates.csv", ["Count"]):
        int(count)  # the bug: not all of them are numbers
    yield from ()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = dataclasses.replace(bbbc005.SOURCE, images=_images)
    monkeypatch.setattr(annotate_module, "get_source", lambda name: source)
    (tmp_path / "data" / "bbbc005").mkdir(parents=True)
    (tmp_path / "data" / "bbbc005" / "plates.csv").write_text("Count\n1\n2\nmany\n4\n")
    return tmp_path / "data"


def test_a_bug_of_an_adapter_names_it_its_line_the_file_and_the_row(data: Path, tmp_path: Path) -> None:
    line = _images.__code__.co_firstlineno + 2
    with pytest.raises(AdapterError) as caught:
        annotate_source(str(data / "bbbc005"), {}, Store(tmp_path / "work"), False, "bbbc005")
    text = str(caught.value)
    assert f"bbbc005: its adapter fails in test_adapter_errors.py:{line} at {data}/bbbc005/plates.csv, line 4 (" in text
    assert "(ValueError: invalid literal" in text
    assert "\n" not in text
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_run_ends_with_that_line_and_its_log_has_the_traceback(data: Path, tmp_path: Path) -> None:
    with RunLog(tmp_path / "run.jsonl") as run_log:
        job = BuildContext(str(data), Store(tmp_path / "work"), settings=RunSettings(workers=0), run_log=run_log)
        with pytest.raises(UserError, match=r"^bbbc005: its adapter fails in "):
            carry_out(Annotate(job.data_store, job.work, job.runner))
    (error,) = [event for event in read_log(tmp_path / "run.jsonl") if event["event"] == "error"]
    assert "Traceback" in error["traceback"]
    assert "in _images" in error["traceback"]


def test_what_an_adapter_says_itself_is_no_bug(data: Path, tmp_path: Path) -> None:
    (data / "bbbc005" / "plates.csv").write_text("Other\n1\n")
    found = annotate_source(str(data / "bbbc005"), {}, Store(tmp_path / "work"), False, "bbbc005")
    assert "no column Count" in found["error"]
