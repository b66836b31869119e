"""The generated tables have every source and every key.

Each row says what the code says.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import cytoimagenet
from builder.recipe import Recipe
from builder.sources import all_sources
from tests.docs.blocks import ROOT


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tables(page: str, generate: ModuleType) -> list[dict[str, list[str]]]:
    """Return each table's rows by their first cell."""
    shown = generate.on_page_markdown(Path(ROOT, "docs", page).read_text("utf-8"))
    found = []
    for block in re.findall(r"(?:^\|.*\n?)+", shown, re.MULTILINE):
        header, _, *body = [line.strip("|").split("|") for line in block.splitlines()]
        assert {len(row) for row in body} == {len(header)}
        found.append({row[0].strip(" `"): [cell.strip() for cell in row] for row in body})
    return found


def test_every_source_has_a_row(generate: ModuleType) -> None:
    facts, specimens = tables("sources.md", generate)
    assert list(facts) == list(specimens) == [source.dir_name for source in all_sources()]
    assert len(facts) == 40
    for source in all_sources():
        assert source.license.id in facts[source.dir_name][5]
        assert source.url in facts[source.dir_name][2]
        assert specimens[source.dir_name][1:4] == [source.specimen, source.repeats, source.batch_unit]
        assert all(specimens[source.dir_name][1:4])
        assert (specimens[source.dir_name][4] == "yes") == source.single_object


def test_every_key_of_the_recipe_has_a_row(generate: ModuleType) -> None:
    (table,) = tables("recipe.md", generate)
    assert list(table) == [field.name for field in dataclasses.fields(Recipe)]
    assert table["min_images"][1:] == ["`287`", "rows a token needs to become a label", "labels"]
    assert table["scalings"][1] == "`[0.5, 0.25, 0.125, 0.0625]`"


def test_every_public_name_of_the_module_is_on_its_page() -> None:
    shown = set(re.findall(r"\w+", re.findall(r"members: \[(.*)\]", Path(ROOT, "docs/api.md").read_text("utf-8"))[0]))
    assert shown == set(cytoimagenet.__all__) - {"CATEGORIES", "FULL", "__version__"}
