from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.sources.common import endings
from builder.sources.common.endings import Endings

PARTS = st.sampled_from(["a", "_w1", ".", "/", ".tif", ".TIF", ".ome.tif", ".csv", "metadata.csv", ".stK", "İ", ".007"])
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=4).map("".join), max_size=20)
SUFFIXES = st.sampled_from(
    [".tif", ".Tif", ".ome.tif", ".csv", "metadata.CSV", ".stk", "_w1.tif", "a", ".", "", ".i̇", ".a"]
)


@given(PATHS, st.lists(SUFFIXES, min_size=1, max_size=3))
def test_files_are_found_by_any_suffix_in_any_case(paths: list[str], suffixes: list[str]) -> None:
    wanted = tuple(suffix.lower() for suffix in suffixes)
    assert Endings(paths).paths(suffixes) == sorted(path for path in paths if path.lower().endswith(wanted))
    assert Endings(paths).all() == sorted(paths)


def test_series_that_count_in_their_endings_are_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "_MOST", 5)
    paths = [f"series.{number:03d}" for number in range(20)] + ["late.tif"]
    found = Endings(paths)
    assert found.paths([".017"]) == ["series.017"]
    assert found.paths([".tif", ".001"]) == ["late.tif", "series.001"]
