from __future__ import annotations

import dataclasses
import importlib.metadata
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder import sources
from builder.errors import UserError
from builder.sources import adapter_code, bbbc005, get_source, source_names


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


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Register another distribution's module for the source ``ours``."""
    module = types.ModuleType("lab_of_ours")
    module.__file__ = __file__
    monkeypatch.setitem(sys.modules, "lab_of_ours", module)
    point = importlib.metadata.EntryPoint("ours", "lab_of_ours", "cytoimagenet.sources")
    monkeypatch.setattr(sources.importlib.metadata, "entry_points", lambda group: [point])
    sources._plugins.cache_clear()
    yield module
    sources._plugins.cache_clear()


def test_a_lab_brings_its_own_source_as_an_entry_point(plugin: types.ModuleType) -> None:
    plugin.SOURCE = dataclasses.replace(bbbc005.SOURCE, dir_name="ours")  # type: ignore[attr-defined]
    assert "ours" in source_names()
    assert get_source("ours").dir_name == "ours"


def test_a_plugin_that_gives_no_source_is_named(plugin: types.ModuleType) -> None:
    with pytest.raises(UserError, match=r"the plug-in lab_of_ours gives no source ours \(AttributeError: .*SOURCE"):
        get_source("ours")
    plugin.SOURCE = bbbc005.SOURCE  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=r"the plug-in lab_of_ours gives no source ours \(TypeError: .*test_registry"):
        get_source("ours")


def test_a_plugins_code_is_told_from_ours(plugin: types.ModuleType, tmp_path: Path) -> None:
    assert adapter_code("bbbc005") != adapter_code("bbbc013")
    first = adapter_code("ours")
    (tmp_path / "changed.py").write_text("changed")
    plugin.__file__ = str(tmp_path / "changed.py")
    assert first != adapter_code("ours") != ""
