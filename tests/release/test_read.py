from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder.release.read import ROWS, Release, read_release
from builder.sources.common.folder import Folder, LayoutError
from tests.release.made_release import CLASSES, HEADER, rows_of, write_images, write_table

Rows = list[dict[str, Any]]


def _write(root: Path, rows: Rows, header: list[str] = HEADER, below: str = "cytoimagenet") -> None:
    write_images(root / below, rows)
    write_table(root / "metadata.csv", rows, header)


def _read(root: Path) -> tuple[Release, dict[str, int]]:
    folder = Folder.listed(str(root))
    return read_release(folder), folder.notes.counts


def _by_name(release: Release) -> dict[str, dict[str, Any]]:
    return {row["filename"]: row for row in release.rows.to_pylist()}


def test_every_value_of_a_row(tmp_path: Path) -> None:
    _write(tmp_path, [row for folder in CLASSES for row in rows_of(folder, 6)])
    release, notes = _read(tmp_path)
    assert release.rows.schema.equals(ROWS)
    assert (release.rows.num_rows, release.missing.num_rows, release.gaps, notes) == (24, 0, 0, {})
    row = _by_name(release)["cis-9_trans-11-acid_(+)-001.png"]
    row.pop("file_signature")
    assert row == {
        "file": "cytoimagenet/cis-9_trans-11-acid_(+)/cis-9_trans-11-acid_(+)-001.png",
        "folder": "cis-9_trans-11-acid_(+)",
        "label": "cis-9,trans-11-acid (+)",
        "category": "compound",
        "database": "Recursion",
        "name": "name of rec_rxrx19a",
        "dir_name": "rec_rxrx19a",
        "filename": "cis-9_trans-11-acid_(+)-001.png",
        "idx": "rec_rxrx19a-0",
        "organism": "human",
        "cell_type": None,
        "cell_visible": None,
        "phenotype": None,
        "compound": "cis-9,trans-11-acid (+)",
        "gene": None,
        "sirna": None,
        "microscopy": "fluorescence",
        "crop": True,
        "scaling": 0.5,
        "x_min": 12,
        "x_max": 24,
        "y_min": 0,
        "y_max": 12,
        "contrast": None,
        "channels": None,
        "license": "CC-BY-4.0",
        "batch": None,
        "well": None,
        "control": None,
        "pixel_size_um": None,
        "timepoint": None,
        "z": None,
        "dset": "train",
    }
    whole = _by_name(release)["human-101.png"]
    assert [whole[name] for name in ("crop", "scaling", "x_min", "x_max", "y_min", "y_max")] == [
        False,
        1.0,
        *[None] * 4,
    ]


@pytest.mark.parametrize("below", ["", "cytoimagenet", "download (1)/cytoimagenet/cytoimagenet"])
def test_any_root(tmp_path: Path, below: str) -> None:
    _write(tmp_path, rows_of("human", 6), below=below)
    release, notes = _read(tmp_path)
    assert len(_by_name(release)) == 6
    assert notes == {}


def test_order_of_the_table_does_not_matter(tmp_path: Path) -> None:
    rows = [row for folder in CLASSES for row in rows_of(folder, 8)]
    _write(tmp_path / "a", rows)
    _write(tmp_path / "b", rows[::-1], HEADER[::-1])
    one, two = (_read(tmp_path / name)[0].rows.drop_columns(["file_signature"]) for name in "ab")
    assert one.equals(two)
    assert one["idx"].to_pylist() == sorted(one["idx"].to_pylist())


def test_numbers_of_any_width_and_with_gaps(tmp_path: Path) -> None:
    rows = rows_of("human", 4)
    for row, number in zip(rows, ("0", "00000110", "011", "1111"), strict=True):  # 0, 6, 3, 15
        row["filename"] = f"human-{number}.png"
    _write(tmp_path, rows)
    release, notes = _read(tmp_path)
    assert len(_by_name(release)) == 4
    assert release.gaps == 12
    assert notes == {}


def _same_but(name: str, value: Any) -> Callable[[dict[str, Any]], bool]:
    return lambda row: bool(row[name] == value)


@pytest.mark.parametrize("absent", [name for name in HEADER if name != "filename"])
def test_every_other_column_may_be_absent(tmp_path: Path, absent: str) -> None:
    """What other columns tell stays; the rest is unknown."""
    rows = [row for folder in CLASSES for row in rows_of(folder, 6)]
    _write(tmp_path / "a", rows)
    _write(tmp_path / "b", rows, [name for name in HEADER if name != absent])
    (whole, _), (partial, _) = _read(tmp_path / "a"), _read(tmp_path / "b")
    before, after = _by_name(whole), _by_name(partial)
    assert before.keys() == after.keys()
    worked_out = {"path", "dir_name", "database", "crop", "category"}
    expected: dict[str, Callable[[str], Any]] = {
        "label": lambda name: name.rpartition("-")[0],
        "idx": lambda name: f"{before[name]['dir_name']}-{name.removesuffix('.png')}",
        "scaling": lambda _: 1.0,
        "name": lambda name: {"rec_rxrx1": "RxRx1"}.get(before[name]["dir_name"], after[name]["name"]),
    }
    for name, row in after.items():
        old = dict(before[name]) | {"file_signature": row["file_signature"]}
        if absent not in worked_out:
            old[absent] = expected.get(absent, lambda _: None)(name)
        if absent == "x_min":
            assert row["crop"] == old["crop"]
        assert row == old, name


def test_category_from_the_cells(tmp_path: Path) -> None:
    """Without the column, the cells tell the category.

    It is the one whose cells hold the label in most rows, never as part of a word.
    """
    rows = rows_of("nucleus", 6)
    for row in rows[:2]:
        row["phenotype"] = "nucleus|nucleus fragmented"
    odd = rows_of("human", 2)
    for row in odd:
        row |= {"label": "hum", "organism": "human"}
    _write(tmp_path, rows + odd, [name for name in HEADER if name != "category"])
    release, notes = _read(tmp_path)
    assert {row["category"] for row in _by_name(release).values()} == {"cell_visible"}
    assert len(_by_name(release)) == 6
    assert notes == {"labels whose category no row tells, left out": 1}


def test_stated_categories_that_disagree(tmp_path: Path) -> None:
    rows = rows_of("nucleus", 5)
    rows[0]["category"] = "organism"
    rows[1]["category"] = "no category"
    _write(tmp_path, rows)
    release, notes = _read(tmp_path)
    assert {row["category"] for row in _by_name(release).values()} == {"cell_visible"}
    assert notes == {"labels whose rows state several categories": 1}


def test_labels_taken_by_part_of_a_word_are_counted(tmp_path: Path) -> None:
    rows = rows_of("nucleus", 6)
    rows[0]["cell_visible"] = "nucleus envelope"
    rows[1]["cell_visible"] = "er|nucleus"
    _write(tmp_path, rows + rows_of("serine-threonine_kinase_inhibitor", 6))
    release, _ = _read(tmp_path)
    assert release.without_token == 1


def test_both_leftovers_are_counted(tmp_path: Path) -> None:
    rows = rows_of("human", 8)
    _write(tmp_path, rows[:5])
    write_table(tmp_path / "metadata.csv", rows[1:])
    release, notes = _read(tmp_path)
    assert sorted(_by_name(release)) == [f"human-{n:04b}.png" for n in range(1, 5)]
    assert [row["file"] for row in release.missing.to_pylist()] == [f"human/human-{n:04b}.png" for n in (5, 6, 7)]
    assert release.missing.to_pylist()[0] == {
        "idx": "rec_rxrx1-1005",
        "dir_name": "rec_rxrx1",
        "label": "human",
        "file": "human/human-0101.png",
    }
    assert notes == {"files without a row": 1, "rows without a file": 3}


def test_rows_that_climb_or_come_twice(tmp_path: Path) -> None:
    rows = rows_of("human", 8)
    root = tmp_path / "release"
    _write(root, rows)
    write_images(tmp_path, [{"path": "outside", "filename": "human-0000.png"}])
    rows[0] |= {"path": "../outside", "filename": "../../outside/human-0000.png"}
    rows[1]["path"] = "../../outside"  # its name tells its folder
    rows[2] = dict(rows[3])
    rows[4]["filename"] = ""
    write_table(root / "metadata.csv", rows)
    release, notes = _read(root)
    files = [row["file"] for row in _by_name(release).values()]
    assert files == [f"cytoimagenet/human/human-{n:04b}.png" for n in (1, 3, 5, 6, 7)]
    assert notes == {
        "rows that name no file, or one again": 2,
        "rows without a file": 1,
        "files without a row": 3,
    }


def test_odd_values(tmp_path: Path) -> None:
    rows = rows_of("human", 8)
    rows[0] |= {"x_min": "left", "cell_type": "nan", "sirna": "None", "crop": "1"}
    rows[3] |= {"x_min": "1e30", "x_max": "inf", "y_min": "nan", "y_max": "1" * 400, "crop": "1"}
    rows[1] |= {"label": "", "crop": "false"}
    rows[2] |= {"dir_name": "my_screen", "database": "", "name": "", "idx": "my_screen-7"}
    _write(tmp_path, rows)
    release, notes = _read(tmp_path)
    by_name = _by_name(release)
    first = by_name["human-0000.png"]
    assert [first[name] for name in ("crop", "x_min", "x_max", "cell_type", "sirna")] == [True, None, 12, None, None]
    second = by_name["human-0001.png"]
    assert [second[name] for name in ("label", "crop", "scaling", "x_max")] == ["human", False, 1.0, None]
    third = by_name["human-0010.png"]
    assert [third[n] for n in ("database", "name", "license")] == ["unknown", "my_screen", "LicenseRef-unstated"]
    assert [by_name["human-0011.png"][name] for name in ("x_min", "x_max", "y_min", "y_max")] == [None] * 4
    assert release.sources.of("my_screen").license.id == "LicenseRef-unstated"
    assert release.sources.of("rec_rxrx1").license.id == "CC-BY-NC-SA-4.0"
    assert notes == {
        "values that are no number, taken as unknown": 4,
        "rows without a label, which get their folder's name": 1,
    }


def test_torn_rows_are_counted(tmp_path: Path) -> None:
    _write(tmp_path, rows_of("human", 4))
    with (tmp_path / "metadata.csv").open("a") as file:
        file.write("human,organism\n")
    release, notes = _read(tmp_path)
    assert len(_by_name(release)) == 4
    assert notes == {"malformed rows": 1}


def test_unpacked_twice(tmp_path: Path) -> None:
    _write(tmp_path, rows_of("human", 4))
    write_images(tmp_path / "again" / "cytoimagenet", rows_of("human", 4)[:2])
    release, notes = _read(tmp_path)
    assert all(row["file"].startswith("cytoimagenet/") for row in _by_name(release).values())
    assert notes == {"second copies of a file, left out": 2}


def test_no_release(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"looked for metadata\.csv; found 0 files: nothing"):
        _read(tmp_path)
    write_table(tmp_path / "metadata.csv", rows_of("human", 4))
    with pytest.raises(LayoutError, match=r"none of the files that it names is there, such as human/human-000\.png"):
        _read(tmp_path)
    write_table(tmp_path / "metadata.csv", rows_of("human", 4), ["label", "idx"])
    with pytest.raises(LayoutError, match="no column filename; found label, idx"):
        _read(tmp_path)
