from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.errors import UserError
from builder.inspect.catalog import catalog, catalog_text
from builder.schema import CATEGORIES
from builder.sources import get_source, source_names


@pytest.fixture
def data(tmp_path: Path) -> Path:
    site = tmp_path / "rec_rxrx1" / "rxrx1" / "images"
    site.mkdir(parents=True)
    (site / "a.png").write_bytes(b"x" * 1500)
    (tmp_path / "rec_rxrx1" / "metadata.csv").write_bytes(b"y" * 49)
    (tmp_path / "kag_hpa").mkdir()
    (tmp_path / "Rec-RxRx2").mkdir()
    (tmp_path / "kag_leukemia").write_text("a file, not a folder")
    return tmp_path


def test_every_source_with_its_facts() -> None:
    rows = catalog()
    assert [row["dir_name"] for row in rows] == source_names()
    for row in rows:
        source = get_source(row["dir_name"])
        assert (row["database"], row["name"], row["license"]["id"]) == (source.database, source.name, source.license.id)
        assert row["images"] == source.expected_images
        assert set(row["labels"]) <= set(CATEGORIES)
        assert row["labels"], f"{row['dir_name']} feeds no label"
        assert "status" not in row
    assert json.loads(json.dumps(rows)) == rows


def test_known_facts() -> None:
    """What the release notes of two sources say."""
    rxrx1, leukemia = catalog(only=["rec_rxrx1", "kag_leukemia"])[::-1]
    assert rxrx1["images"] == 125_510
    assert rxrx1["license"] | {"name": ""} == {
        "id": "CC-BY-NC-SA-4.0",
        "name": "",
        "url": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        "commercial_use": False,
        "derivatives": True,
        "restricted": False,
    }
    assert rxrx1["labels"]["sirna"] == 1_138
    assert [file["url"].rpartition("/")[2] for file in rxrx1["downloads"]] == ["rxrx1-images.zip", "rxrx1-metadata.zip"]
    assert leukemia["license"]["commercial_use"] is None
    assert leukemia["labels"] == {"organism": 1, "cell_type": 1, "phenotype": 2}


def test_what_is_there(data: Path) -> None:
    rows = {row["dir_name"]: row for row in catalog(str(data))}

    def found(name: str) -> tuple[object, ...]:
        return tuple(rows[name][key] for key in ("status", "files", "bytes", "found_as"))

    assert found("rec_rxrx1") == ("present", 2, 1549, None)
    assert found("kag_hpa") == ("empty", 0, 0, None)
    assert found("rec_rxrx2") == ("missing", None, None, "Rec-RxRx2")
    assert found("kag_leukemia") == ("missing", None, None, None)
    assert found("rec_rxrx19a") == ("missing", None, None, None)


def test_text_with_data(data: Path) -> None:
    names = ["rec_rxrx1", "rec_rxrx2", "kag_hpa"]
    text = catalog_text(catalog(str(data), names))
    table, summary, remarks, howto = text.split("\n\n")
    lines = {line.split()[0]: line for line in table.splitlines()}
    assert "125,510" in lines["rec_rxrx1"]
    assert "1.5 kB" in lines["rec_rxrx1"]
    assert "present" in lines["rec_rxrx1"]
    assert "missing" in lines["rec_rxrx2"]
    assert "CC-BY-NC-SA-4.0" in lines["rec_rxrx1"]
    assert "sirna 1,138" in lines["rec_rxrx1"]
    assert summary.startswith("3 sources, 428,559 images")  # 125,510 + 131,953 + 171,096
    assert "1 present, 1 empty, 1 missing" in summary
    assert remarks == "rec_rxrx2: there is a folder Rec-RxRx2; rename it to rec_rxrx2"
    assert "rxrx2-images.zip  (185 GB)" in howto
    assert "rxrx1-images.zip" not in howto, "it is there"


def test_text_lines_up() -> None:
    table = catalog_text(catalog()).split("\n\n")[0].splitlines()
    assert len(table) == len(source_names()) + 2
    bars = table[1].split("  ")
    starts = [sum(map(len, bars[:i])) + 2 * i for i in range(len(bars))]
    for line in table:
        assert all(line[start - 2 : start] == "  " for start in starts[1:]), line


def test_restricted_and_unstated_terms_are_remarked() -> None:
    assert "--include-restricted" in catalog_text(catalog(only=["idr0017"]))
    assert "--include-restricted" not in catalog_text(catalog(only=["kag_cell_cycle"]))
    unstated, unresolved = (catalog_text(catalog(only=[name])) for name in ("bbbc010", "kag_leukemia"))
    assert "unstated: the source states no licence" in unstated
    assert "unresolved: terms are stated" not in unstated
    assert "unresolved: terms are stated" in unresolved
    assert "unstated" not in unresolved


def test_specimens_and_batches_are_facts_of_each_source() -> None:
    rows = {row["dir_name"]: row for row in catalog()}
    assert rows["bbbc022"]["batch"] == "plate"
    assert rows["bbbc022"]["pixel_size_um"] == 0.656
    assert rows["kag_leukemia"]["specimen"] == "a subject"
    assert {name for name in ("bbbc041", "bbbc045", "kag_hpa") if rows[name]["single_object"]} == {"bbbc041"}


def test_bad_instructions(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        catalog(str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="did you mean rec_rxrx1"):
        catalog(only=["rec_rxrx_1"])
