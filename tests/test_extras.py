"""A source's additional columns, from its table to loading."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tifffile
import yaml
from click.testing import CliRunner, Result

import cytoimagenet
from builder.cli import main
from builder.package.verify import verify
from cytoimagenet_reader.errors import PackageError
from tests.building import read_shards
from tests.sources.files import write_text

PLATE = """
title = "{title}"
license = "CC0-1.0"
organism = "human"
microscopy = "fluorescence"

[files]
pattern = "{{plate}}/{{well}}_s{{field}}.tif"

[[tables]]
file = "map.csv"

[columns]
compound = "drug"
"""
EXTRA = """
[extra]
donor = "donor"

[extra.dose]
from = "concentration"
type = "number"
unit = "µM"
description = "in the medium"

[extra.passage]
type = "integer"

[extra.fresh]
type = "boolean"
"""
WELLS = {  # well -> drug, concentration, donor, passage, fresh: as the table says, and as the package must
    "A1": ("taxol", "0,5", "d1", "3", "yes"),
    "A2": ("taxol", "10", "d2", "4", "no"),
    "B1": ("nocodazole", "1e-2", "", "", ""),
    "B2": ("nocodazole", "much", "d2", "5", "true"),
}
EXPECTED = {
    "A01": (0.5, "d1", 3, True),
    "A02": (10.0, "d2", 4, False),
    "B01": (0.01, None, None, None),
    "B02": (None, "d2", 5, True),
}
FIELDS = 3
NUMBERS = ("min_images=2", "class_size=20", "min_class_size=2", "validation_share=0.2")


def run(*arguments: str | Path) -> Result:
    """Run the command in this process; return its result.

    Success is not checked here: the caller looks.
    """
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def screen(root: Path, title: str, extra: str, seed: int) -> None:
    """Make a plate of four wells with three fields each."""
    rng = np.random.default_rng(seed)
    write_text(root / "source.toml", PLATE.format(title=title) + extra)
    head = "plate;well;drug;concentration;donor;passage;fresh\n"
    write_text(root / "map.csv", head + "".join(f"P1;{well};{';'.join(row)}\n" for well, row in WELLS.items()))
    for well in WELLS:
        for field in range(FIELDS):
            (root / "P1").mkdir(exist_ok=True)
            tifffile.imwrite(root / f"P1/{well}_s{field}.tif", rng.integers(100, 4000, (90, 80), np.uint16))


def settings(numbers: Sequence[str] = NUMBERS) -> list[str]:
    return [part for number in numbers for part in ("--set", number)]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two screens: the first adds columns, the second none."""
    root = tmp_path_factory.mktemp("extras")
    screen(root / "data/one", "One", EXTRA, 1)
    screen(root / "data/two", "Two", "", 2)
    assert run("build", root / "data", "-o", root / "out/both", "--workers", "0", *settings()).exit_code == 0
    return root / "out/both"


def test_values_are_typed_and_null_for_the_other_source(package: Path) -> None:
    rows = read_shards(package, "data/*/*.arrow")
    kinds = {"donor": pa.string(), "dose": pa.float64(), "fresh": pa.bool_(), "passage": pa.int64()}
    assert {name: rows.schema.field(name).type for name in rows.schema.names[-4:]} == kinds
    found: dict[tuple[str, str], set[Any]] = {}
    for row in rows.to_pylist():
        values = (row["dose"], row["donor"], row["passage"], row["fresh"])
        found.setdefault((row["dir_name"], row["well"]), set()).add(values)
    assert found == {("one", well): {values} for well, values in EXPECTED.items()} | {
        ("two", well): {(None, None, None, None)} for well in EXPECTED
    }


def test_the_package_documents_them_and_is_sound(package: Path) -> None:
    assert verify(str(package)) == []
    manifest = json.loads((package / "manifest.json").read_bytes())
    assert manifest["extra"]["dose"] == {
        "type": "number", "unit": "µM", "description": "in the medium", "sources": ["one"],
    }  # fmt: skip
    card = (package / "README.md").read_text("utf-8")
    assert "| `dose` | number | µM | in the medium | `one` |" in card
    features = {
        one["name"]: one["dtype"] for one in yaml.safe_load(card.split("---")[1])["dataset_info"][0]["features"]
    }
    assert (features["dose"], features["fresh"]) == ("float64", "bool")
    fields = json.loads((package / "croissant.json").read_bytes())["recordSet"][0]["field"]
    assert {"metadata/dose", "metadata/passage"} <= {field["@id"] for field in fields}


@pytest.mark.parametrize(
    ("where", "wells"),
    [
        ({"dose": {"min": 0.1}}, {"A01", "A02"}),
        ({"dose": {"min": 0.001, "max": 1}}, {"A01", "B01"}),
        ({"donor": ["d2"]}, {"A02", "B02"}),
        ({"donor": "d2", "fresh": True}, {"B02"}),
        ({"passage": 3}, {"A01"}),
        ({"dir_name": "one", "well": ["B01"]}, {"B01"}),
    ],
)
def test_rows_are_chosen_by_them(package: Path, where: dict[str, Any], wells: set[str]) -> None:
    names = {
        name: {row["well"] for row in _rows(package, name, where) if row["dir_name"] == "one"} for name in _READERS
    }
    assert names == dict.fromkeys(_READERS, wells)


_READERS = ("open", "CytoImageNet")


def _rows(package: Path, reader: str, where: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    columns = ["dir_name", "well", *where]
    for split in ("train", "validation"):
        try:
            if reader == "open":
                rows += cytoimagenet.open(package, split=split, where=where, columns=columns).to_list()
            else:
                builder = cytoimagenet.CytoImageNet(data_dir=package, where=where, columns=columns)
                rows += list(builder.as_streaming_dataset(split=split))
        except (PackageError, ValueError) as error:
            assert "no split" in str(error) or "Bad split" in str(error)  # noqa: PT017 -- all wells on the other side
    return rows


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"dosis": 1}, "no column dosis; there are .*dose.*; did you mean 'dose'"),
        ({"dose": "high"}, "another type"),
        ({"dose": 77.0}, "nothing in 'full'"),
    ],
)
def test_impossible_conditions_are_said(package: Path, where: dict[str, Any], says: str) -> None:
    with pytest.raises(PackageError, match=says):
        cytoimagenet.open(package, where=where)


def test_a_condition_has_bounds_or_values(package: Path) -> None:
    with pytest.raises(TypeError, match="min"):
        cytoimagenet.open(package, where={"dose": {"least": 1}})


def test_other_format_has_them_too(package: Path) -> None:
    again = package.parent / "parquet"
    assert run("export", package, "--to", "parquet", "-o", again).exit_code == 0
    assert verify(str(again)) == []
    shards = [pq.read_table(path) for path in sorted(again.glob("data/*.parquet"))]
    assert {row["dose"] for row in pa.concat_tables(shards).to_pylist()} == {0.5, 10.0, 0.01, None}


def test_two_types_for_one_column_end_the_build(
    tmp_path: Path,
) -> None:
    screen(tmp_path / "data/one", "One", EXTRA, 1)
    screen(tmp_path / "data/two", "Two", '[extra]\ndose = "concentration"\n', 2)
    done = run("annotate", tmp_path / "data", "-o", tmp_path / "work", "--workers", "0")
    assert "the extra column dose is number in one and text in two" in done.output


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ('[extra]\nwell = "x"\n', "'well' is a column of every package"),
        ('[extra]\nDose = "concentration"\n', "'Dose' is no name of a column"),
        ('[extra.dose]\ntyp = "number"\n', "did you mean type"),
        ('[extra]\ndose = "dosis"\n', "names no fact"),
    ],
)
def test_what_cannot_be_added_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture, extra: str, says: str) -> None:
    write_text(tmp_path / "data/one/source.toml", PLATE.format(title="One") + extra)
    write_text(tmp_path / "data/one/map.csv", "plate,well,drug,concentration\nP1,A1,taxol,1\n")
    write_text(tmp_path / "data/one/P1/A1_s1.tif", "")
    done = run("annotate", tmp_path / "data", "-o", tmp_path / "work", "--workers", "0")
    assert done.exit_code != 0
    assert says in done.output + caplog.text
