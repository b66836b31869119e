from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.engine.log import RunLog, read_log
from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.errors import UserError
from builder.sources import bbbc005, get_source
from builder.sources.base import Image
from builder.sources.common.folder import Folder
from builder.sources.common.tables import read_table
from builder.stages.annotate import annotate_source as annotate_module
from builder.stages.annotate.annotate_source import annotate_source
from builder.stages.annotate.stage import Annotate, left_out_in
from builder.stages.context import BuildContext
from builder.stages.stage import carry_out


def _images(folder: Folder) -> Iterator[Image]:
    for (count,) in read_table(folder, "plates.csv", ["Count"]):
        int(count)  # the bug: not all of them are numbers
    yield from ()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = dataclasses.replace(bbbc005.SOURCE, images=_images)
    monkeypatch.setattr(annotate_module, "source_at", lambda root, name, options: source)
    (tmp_path / "data" / "bbbc005").mkdir(parents=True)
    (tmp_path / "data" / "bbbc005" / "plates.csv").write_text("Count\n1\n2\nmany\n4\n")
    return tmp_path / "data"


def test_a_bug_of_an_adapter_names_it_its_line_the_file_and_the_row(data: Path, tmp_path: Path) -> None:
    line = _images.__code__.co_firstlineno + 2
    found = annotate_source(str(data / "bbbc005"), {}, Store(tmp_path / "work"), False, "bbbc005")
    text = found["error"]
    assert f"bbbc005: its adapter fails in test_adapter_errors.py:{line} at {data}/bbbc005/plates.csv, line 4 (" in text
    assert "(ValueError: invalid literal" in text
    assert "\n" not in text
    assert "in _images" in found["traceback"]
    again = annotate_source(str(data / "bbbc005"), {}, Store(tmp_path / "work"), False, "bbbc005")
    assert again["fresh"], "a bug that may be mended elsewhere is not remembered"


def test_other_sources_are_annotated_and_the_log_has_the_traceback(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {"bbbc005": annotate_module.source_at("", "bbbc005", {}), "bbbc013": get_source("bbbc013")}
    monkeypatch.setattr(annotate_module, "source_at", lambda root, name, options: sources[name])
    (data / "bbbc013").mkdir()
    (data / "bbbc013" / "Channel1-01-A-01.BMP").write_bytes(b"not opened")
    work = Store(tmp_path / "work")
    with RunLog(tmp_path / "run.jsonl") as run_log:
        job = BuildContext(str(data), work, settings=RunSettings(workers=0), run_log=run_log)
        usable = carry_out(Annotate(job.data_store, job.work, job.runner))
    assert [source.dir_name for source in usable] == ["bbbc013"]
    assert left_out_in(work) == ["bbbc005"]
    assert "bbbc005: left out: bbbc005: its adapter fails in " in caplog.text
    (error,) = [event for event in read_log(tmp_path / "run.jsonl") if event["event"] == "error"]
    assert "Traceback" in error["traceback"]
    assert "in _images" in error["traceback"]
    assert error["source"] == "bbbc005"


def test_a_run_without_any_other_source_ends_with_one_line(data: Path, tmp_path: Path) -> None:
    job = BuildContext(str(data), Store(tmp_path / "work"), settings=RunSettings(workers=0))
    with pytest.raises(UserError, match=r"no source in .* could be read"):
        carry_out(Annotate(job.data_store, job.work, job.runner))


def test_what_an_adapter_says_itself_is_no_bug(data: Path, tmp_path: Path) -> None:
    (data / "bbbc005" / "plates.csv").write_text("Other\n1\n")
    (data / "bbbc005" / "x.tif").write_bytes(b"not opened")
    found = annotate_source(str(data / "bbbc005"), {}, Store(tmp_path / "work"), False, "bbbc005")
    assert "no column Count" in found["error"]
