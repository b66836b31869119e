from __future__ import annotations

import logging
from pathlib import Path

import pytest

from builder.errors import UserError
from builder.sources import all_sources
from builder.stages.annotate.discover import SIMULATED_MARK, is_simulated, present_sources


def test_folders_are_found_by_name_and_absent_ones_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "bbbc005").mkdir()
    (tmp_path / "bbbc013").write_text("a file, not a folder")
    (tmp_path / "something else").mkdir()
    with caplog.at_level(logging.INFO):
        found = present_sources(str(tmp_path), all_sources(["bbbc005", "bbbc013"]))
    assert [(source.dir_name, root) for source, root in found] == [("bbbc005", f"{tmp_path}/bbbc005")]
    assert "bbbc013" in caplog.text


def test_no_folder_and_no_source_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        present_sources(str(tmp_path / "absent"), all_sources(["bbbc005"]))
    with pytest.raises(UserError, match="none of the folders bbbc005"):
        present_sources(str(tmp_path), all_sources(["bbbc005"]))


def test_only_the_mark_makes_data_simulated(tmp_path: Path) -> None:
    assert not is_simulated(str(tmp_path))
    (tmp_path / SIMULATED_MARK).touch()
    assert is_simulated(str(tmp_path))
