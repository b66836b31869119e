"""The package's name in its card, croissant.json and CITATION.cff."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from builder.errors import UserError
from builder.package.citation import citation_file
from builder.package.verify import verify
from builder.recipe import Recipe
from builder.sources.common import licenses
from builder.stages.thresholds import named_by_source
from tests.package.made import RECIPE, make_package, source

OWN = {
    "title": "Kinase *screen* of 2026",
    "description": "Two thousand inhibitors\non HeLa cells.",
    "citation": "Doe & Roe (2026): Kinase screen, doi:10.1234/x",
    "license": "CC-BY-4.0",
    "tags": ["kinase", "hela"],
    "published": "2026-05-31",
    "doi": "10.1234/x_(1)",
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("own") / "package"
    return folder, make_package(folder, recipe=Recipe.of(RECIPE.as_dict() | OWN))


def test_the_card_says_it(own: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = own
    _, front, page = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    stated = yaml.safe_load(front)
    assert (stated["pretty_name"], stated["license"]) == ("Kinase *screen* of 2026", "cc-by-4.0")
    assert stated["tags"][:2] == ["kinase", "hela"]
    assert page.startswith("\n# Kinase \\*screen\\* of 2026\n")
    assert "Two thousand inhibitors on HeLa cells." in page
    assert 'load_dataset("<namespace>/kinase-screen-of-2026", split=' in page
    assert "Doe & Roe (2026): Kinase screen" in page.replace("&amp;", "&")
    assert "licensed under CC-BY-4.0; each example keeps" in page
    assert "openly available" not in page
    assert "\n\nThe DOI of this package is <https://doi.org/10.1234/x_(1)>.\n" in page


def test_croissant_and_citation_follow(own: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = own
    croissant = json.loads((folder / "croissant.json").read_bytes())
    assert (croissant["name"], croissant["citeAs"]) == (OWN["title"], OWN["citation"])
    assert croissant["license"] == ["https://creativecommons.org/licenses/by/4.0/"]
    assert {"kinase", "hela"} <= {*croissant["keywords"]}
    assert "Two thousand" in croissant["description"]
    assert croissant["datePublished"] == "2026-05-31"
    assert croissant["identifier"] == "https://doi.org/10.1234/x_(1)"
    cited = yaml.safe_load((folder / "CITATION.cff").read_text("utf-8"))
    assert cited["doi"] == "10.1234/x_(1)"
    assert (cited["cff-version"], cited["type"], cited["title"]) == ("1.2.0", "dataset", OWN["title"])
    assert (cited["authors"], cited["license"]) == ([{"name": "Doe & Roe"}], "CC-BY-4.0")
    assert any("CytoImageNet" in one["title"] for one in cited["references"])
    assert cited["date-released"].isoformat() == "2026-05-31"


def test_it_is_sound_and_no_other_version(own: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, manifest = own
    assert verify(str(folder)) == []
    assert make_package(tmp_path / "same")["version"] == manifest["version"]


def test_without_a_word_it_is_cytoimagenet(tmp_path: Path) -> None:
    manifest = make_package(tmp_path / "p")
    cited = yaml.safe_load(citation_file(manifest))
    assert cited["title"] == "CytoImageNet"
    assert [one["family-names"] for one in cited["authors"]] == ["Hua", "Lu", "Moses"]
    assert "preferred-citation" in cited
    assert "doi" not in cited
    assert "date-released" not in cited, "no time of the build is in its bytes"
    assert "CITATION.cff" in manifest["files"]


@pytest.mark.parametrize("text", ["31.5.2026", "2026-5-31", "20260531", "2026-02-30"])
def test_a_date_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="published is a date such as"):
        Recipe.of({"published": text})


@pytest.mark.parametrize("text", ["https://doi.org/10.1234/x", "doi:10.1234/x", "10.12/x", "10.1234/x> <b>"])
def test_a_doi_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="doi is the DOI alone"):
        Recipe.of({"doi": text})


@pytest.mark.parametrize(
    ("sources", "given", "title"),
    [
        (["my_screen"], "", "Made-up set my_screen"),
        (["my_screen"], "Mine", "Mine"),
        (["bbbc013"], "", ""),
        (["a", "b"], "", ""),
    ],
)
def test_the_only_source_of_ones_own_gives_its_title(sources: list[str], given: str, title: str) -> None:
    facts = [source(name, licenses.CC0) for name in sources]
    assert named_by_source(Recipe(title=given), facts).title == title
