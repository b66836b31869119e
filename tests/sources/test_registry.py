from __future__ import annotations

import importlib.metadata
import sys
import types

import pytest

from builder import sources
from builder.errors import UserError
from builder.sources import bbbc005, get_source, source_names


def test_the_forty_sources_of_the_method_are_there() -> None:
    assert len(source_names()) == 40
    databases = [get_source(name).database for name in source_names()]
    assert {name: databases.count(name) for name in set(databases)} == {
        "BBBC": 18,
        "CIL": 1,
        "IDR": 13,
        "Kaggle": 4,
        "Recursion": 4,
    }


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean bbbc005"):
        get_source("bbc005")


def test_a_lab_brings_its_own_source_as_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("lab_of_ours")
    module.SOURCE = type(bbbc005.SOURCE)(**{**vars(bbbc005.SOURCE), "dir_name": "ours"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lab_of_ours", module)
    point = importlib.metadata.EntryPoint("ours", "lab_of_ours", "cytoimagenet.sources")
    monkeypatch.setattr(sources.importlib.metadata, "entry_points", lambda group: [point])
    sources._plugins.cache_clear()
    try:
        assert "ours" in source_names()
        assert get_source("ours").dir_name == "ours"
    finally:
        sources._plugins.cache_clear()
