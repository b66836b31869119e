"""Screens: channel files become fields, whatever their order; what does not fit is counted."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from builder.sources.base import Channel
from builder.sources.common.folder import Folder, LayoutError, Notes
from builder.sources.common.screens import (
    FAILED_QUALITY,
    Treatment,
    by_plate,
    channels_of,
    check_understood,
    field_images,
    fields,
    idr_downloads,
    visible,
)
from builder.sources.common.tables import Rows

_NAME = re.compile(r"([A-P]\d\d)_?(f\d|)_w(\d)\.tif$")


def _folder(*paths: str) -> Folder:
    shuffled = list(paths)
    random.Random(0).shuffle(shuffled)
    return Folder("somewhere", dict.fromkeys(shuffled, 1))


def test_by_plate_asks_once_a_directory() -> None:
    asked = []

    def plate_of(directory: str) -> str | None:
        asked.append(directory)
        return directory.rpartition("/")[2] if "plate" in directory else None

    folder = _folder("a/plate1/x.tif", "a/plate1/y.tif", "b/plate1/z.TIF", "c/x.tif", "c/y.tif", "d/plate2/notes.txt")
    assert by_plate(folder, (".tif",), plate_of) == {"plate1": ["a/plate1/x.tif", "a/plate1/y.tif", "b/plate1/z.TIF"]}
    assert asked == ["a/plate1", "b/plate1", "c"]
    assert folder.notes.counts == {"files in no known plate folder": 2}


def test_fields_gather_channels_of_any_folder() -> None:
    notes = Notes()
    paths = ["p-w1/B01_f1_w1.tif", "p-w1/A01_f1_w1.tif", "p-w1/thumb.tif", "p-w2/A01_f1_w2.tif", "q/A01_f1_w2.tif"]
    assert list(fields(paths, _NAME, notes)) == [
        (("A01", "f1"), {"1": "p-w1/A01_f1_w1.tif", "2": "p-w2/A01_f1_w2.tif"}),
        (("B01", "f1"), {"1": "p-w1/B01_f1_w1.tif"}),
    ]
    assert notes.counts == {
        "files without a known name": 1,
        "second files of one channel of one field, left out": 1,
    }


def test_channels_are_in_the_order_of_the_stains() -> None:
    notes = Notes()
    stains = {"2": "actin + golgi", "1": "nucleus", "3": "golgi"}
    assert channels_of({"1": "a", "2": "b", "9": "c"}, stains, notes) == (
        Channel("b", "actin + golgi"),
        Channel("a", "nucleus"),
    )
    assert notes.counts == {"images with channels missing": 1}
    assert visible(channels_of({"1": "a", "2": "b", "3": "c"}, stains, notes)) == "actin|golgi|nucleus|golgi"
    assert notes.counts == {"images with channels missing": 1}


def test_field_images() -> None:
    folder = _folder()
    rows: Rows[Treatment] = Rows(folder.notes)
    rows.add("p", "A01", Treatment(compound="dmso"), "t.csv")
    rows.add("p", "A02", FAILED_QUALITY, "t.csv")
    paths = [
        f"p/{well}_{field}_w{channel}.tif"
        for well in ("A01", "A02", "A03")
        for field in ("f1", "")
        for channel in (1, 4)
    ]
    paths = [path.replace("__", "_") for path in paths]
    default = Treatment(cell_type="hela")
    images = list(field_images(folder, "p", paths, _NAME, {"1": "nucleus"}, rows, "4", no_row=default))
    assert [(image.key, image.compound, image.cell_type, image.microscopy) for image in images] == [
        ("p_A01_brightfield", "dmso", None, "brightfield"),
        ("p_A01", "dmso", None, None),
        ("p_A01_f1_brightfield", "dmso", None, "brightfield"),
        ("p_A01_f1", "dmso", None, None),
        ("p_A03_brightfield", None, "hela", "brightfield"),
        ("p_A03", None, "hela", None),
        ("p_A03_f1_brightfield", None, "hela", "brightfield"),
        ("p_A03_f1", None, "hela", None),
    ]
    assert {image.group for image in images} == {"p_A01", "p_A03"}
    assert {image.cell_visible for image in images} == {"nucleus", "cell body"}
    assert folder.notes.counts == {
        "files that failed the source's quality control, left out": 4,
        "files without a row": 4,
    }


def test_images_that_nobody_understands_are_an_error(tmp_path: Path) -> None:
    check_understood(_folder("notes.txt"), 0, "a.tif")
    check_understood(_folder("b.tif"), 1, "a.tif")
    with pytest.raises(LayoutError, match=r"looked for <plate>/a\.tif; found 2 files, such as b\.tif"):
        check_understood(_folder("b.tif", "notes.txt"), 0, "<plate>/a.tif")


def test_downloads_of_a_study() -> None:
    images, own, other = idr_downloads("idr0001-x-y", 7, "screenA/t.csv", "idr-metadata:idr0001-x-y/t.csv")
    assert (images.url, images.size) == ("https://ftp.ebi.ac.uk/pub/databases/IDR/idr0001-x-y/", 7)
    assert own.url == "https://raw.githubusercontent.com/IDR/idr0001-x-y/HEAD/screenA/t.csv"
    assert other.url == "https://raw.githubusercontent.com/IDR/idr-metadata/HEAD/idr0001-x-y/t.csv"
