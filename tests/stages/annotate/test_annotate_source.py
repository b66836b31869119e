from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engine.store import Store
from builder.schema import ACQUISITION, ANNOTATIONS
from builder.sources import get_source
from builder.sources.base import Channel, Image
from builder.sources.common.folder import Folder
from builder.stages import work_files
from builder.stages.annotate import annotate_source as module
from builder.stages.annotate.annotate_source import annotate_source, image_number

FIELDS = ("A01_C1_F1_s01", "A14_C57_F1_s21", "P24_C100_F48_s25")


def write_tree(root: Path, below: str = "BBBC005_v1_images") -> None:
    folder = root / below
    folder.mkdir(parents=True)
    for field in FIELDS:
        for stain in (1, 2):
            (folder / f"SIMCEPImages_{field}_w{stain}.TIF").write_bytes(b"not opened by annotation")


def annotate(root: Path, work: Path, simulated: bool = False, name: str = "bbbc005") -> tuple[dict[str, Any], Any]:
    facts = annotate_source(str(root), {}, Store(str(work)), simulated, name)
    path = work / work_files.annotations_path(name)
    return facts, pq.read_table(path) if path.exists() else None


def test_rows_have_the_schema_and_the_constants(tmp_path: Path) -> None:
    write_tree(tmp_path / "a")
    facts, rows = annotate(tmp_path / "a", tmp_path / "work")
    assert rows.schema.equals(ANNOTATIONS)
    assert facts["images"] == rows.num_rows == 6
    assert set(rows["organism"].to_pylist()) == {"human"}
    assert rows["compound"].null_count == 6
    assert set(rows["license"].to_pylist()) == {"CC0-1.0"}
    assert {group.partition(":")[0] for group in rows["group"].to_pylist()} == {"bbbc005"}


def test_an_images_own_facts_win_over_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def images(folder: Folder) -> Iterator[Image]:
        for number, path in enumerate(folder.paths(".tif")):
            channel = (Channel(path, "nucleus"),)
            if number:
                yield Image(
                    path, channel, "shared:hpa:u", batch="shared:day 1", pixel_size_um=0.5, z=3, timepoint="t 2"
                )
            else:
                yield Image(path, channel, "A01", batch="p1", well="A01", control="negative")

    source = dataclasses.replace(get_source("bbbc005"), images=images, pixel_size_um=0.25, single_object=True)
    monkeypatch.setattr(module, "source_at", lambda *_: source)
    write_tree(tmp_path / "a")
    _, rows = annotate(tmp_path / "a", tmp_path / "work")
    own, other = rows.select(["group", "single_object", *(name for name, _ in ACQUISITION)]).to_pylist()[:2]
    assert own == {
        "group": "bbbc005:A01",
        "single_object": True,
        "batch": "bbbc005:p1",
        "well": "A01",
        "control": "negative",
        "pixel_size_um": 0.25,
        "timepoint": None,
        "z": None,
    }
    assert other == {
        "group": "shared:hpa:u",
        "single_object": True,
        "batch": "shared:day 1",
        "well": None,
        "control": None,
        "pixel_size_um": 0.5,
        "timepoint": "t 2",
        "z": 3,
    }


def test_idx_does_not_depend_on_depth_order_or_other_files(tmp_path: Path) -> None:
    write_tree(tmp_path / "a")
    write_tree(tmp_path / "b", "some/where/else")
    for path in sorted((tmp_path / "b").rglob("*A01*")):
        path.unlink()
    _, all_rows = annotate(tmp_path / "a", tmp_path / "wa")
    _, some_rows = annotate(tmp_path / "b", tmp_path / "wb")
    by_key = dict(zip(all_rows["key"].to_pylist(), all_rows["idx"].to_pylist(), strict=True))
    assert len(set(by_key.values())) == 6
    assert some_rows.num_rows == 4
    for key, idx in zip(some_rows["key"].to_pylist(), some_rows["idx"].to_pylist(), strict=True):
        assert by_key[key] == idx == f"bbbc005-{image_number(key)}"


@given(st.text())
def test_numbers_have_17_digits_and_are_of_the_key_alone(key: str) -> None:
    number = image_number(key)
    assert re.fullmatch("[0-9]{17}", number)
    assert int(number) == int(hashlib.sha256(key.encode()).hexdigest()[:14], 16)


def test_a_second_copy_of_a_file_is_noted_and_left_out(tmp_path: Path) -> None:
    write_tree(tmp_path / "a")
    shutil.copytree(tmp_path / "a" / "BBBC005_v1_images", tmp_path / "a" / "copy")
    facts, rows = annotate(tmp_path / "a", tmp_path / "work")
    assert rows.num_rows == 6
    assert facts["notes"]["duplicate keys"] == 6


def test_nothing_is_done_twice_and_a_changed_file_is_seen(tmp_path: Path) -> None:
    write_tree(tmp_path / "a")
    assert annotate(tmp_path / "a", tmp_path / "work")[0]["fresh"]
    before = annotate(tmp_path / "a", tmp_path / "work")
    assert not before[0]["fresh"]
    changed = next((tmp_path / "a").rglob("*A01*w1*"))
    changed.write_bytes(b"other content of another size")
    facts, rows = annotate(tmp_path / "a", tmp_path / "work")
    assert facts["fresh"]
    signatures = dict(zip(rows["key"].to_pylist(), rows["file_signature"].to_pylist(), strict=True))
    old = dict(zip(before[1]["key"].to_pylist(), before[1]["file_signature"].to_pylist(), strict=True))
    assert {key for key in signatures if signatures[key] != old[key]} == {"A01_C1_F1_s01_w1"}


def test_a_renamed_folder_is_seen(tmp_path: Path) -> None:
    write_tree(tmp_path / "a")
    annotate(tmp_path / "a", tmp_path / "work")
    (tmp_path / "a" / "BBBC005_v1_images").rename(tmp_path / "a" / "images")
    facts, rows = annotate(tmp_path / "a", tmp_path / "work")
    assert facts["fresh"]
    assert all(path.startswith("images/") for files in rows["files"].to_pylist() for path in files)


def test_simulated_data_says_so_in_every_row(tmp_path: Path) -> None:
    write_tree(tmp_path / "a")
    _, rows = annotate(tmp_path / "a", tmp_path / "work", simulated=True)
    assert all("simulated" in name for name in rows["name"].to_pylist())


def test_a_layout_that_is_not_understood_is_told_and_leaves_no_rows(tmp_path: Path) -> None:
    root = tmp_path / "rec_rxrx1"
    (root / "rxrx1" / "images").mkdir(parents=True)
    with (root / "rxrx1" / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["something", "else"], ["1", "2"]])
    (root / "rxrx1" / "images" / "x.png").write_bytes(b"not opened")
    facts, rows = annotate(root, tmp_path / "work", name="rec_rxrx1")
    assert "metadata.csv" in facts["error"]
    assert "something" in facts["error"]
    assert rows is None


def test_names_that_are_not_unicode_are_noted(tmp_path: Path) -> None:
    write_tree(tmp_path / "a")
    strange = str(tmp_path / "a").encode() + b"/SIMCEPImages_A02_C1_F1_s01_w1\xff.TIF"
    try:
        with open(strange, "wb") as file:  # noqa: PTH123 -- a path of bytes
            file.write(b"x")
    except OSError:
        pytest.skip("this file system refuses names that are not UTF-8")
    facts, rows = annotate(tmp_path / "a", tmp_path / "work")
    assert rows.num_rows == 6
    assert facts["notes"]["file names that are not UTF-8"] == 1


def test_a_box_that_a_table_moves_changes_its_images_signature(tmp_path: Path) -> None:
    """Else results of the old box would pass for it."""
    (tmp_path / "a/images").mkdir(parents=True)
    (tmp_path / "a/images/smear.png").write_bytes(b"not opened by annotation")

    def signatures(first: int, width: int) -> list[int]:
        corners = [{"minimum": {"r": 0, "c": c}, "maximum": {"r": 9, "c": c + 9}} for c in (first, 30)]
        boxes = [{"bounding_box": box, "category": "ring"} for box in corners]
        image = {"pathname": "/images/smear.png", "shape": {"r": 40, "c": width}}
        (tmp_path / "a/training.json").write_text(json.dumps([{"image": image, "objects": boxes}]))
        _, rows = annotate(tmp_path / "a", tmp_path / "work", name="bbbc041")
        return list(rows["file_signature"].to_pylist())

    before, moved, wider = signatures(5, 60), signatures(6, 60), signatures(6, 61)
    assert [old == new for old, new in zip(before, moved, strict=True)] == [False, True]
    assert not set(moved) & set(wider)
