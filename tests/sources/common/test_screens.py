"""Screens: channel files become fields, in any order.

What does not fit is counted.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from builder.sources.base import Channel
from builder.sources.common.folder import Folder, LayoutError, Notes
from builder.sources.common.screens import (
    EXCLUDED,
    Treatment,
    by_plate,
    channels_of,
    check_understood,
    control_of,
    excluded_by,
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


def test_a_field_with_several_files_of_a_channel_is_of_one_directory() -> None:
    notes = Notes()
    paths = ["p/1/A01_f1_w1.tif", "p/2/A01_f1_w1.tif", "p/2/A01_f1_w2.tif", "p/3/A01_f1_w2.tif"]
    assert list(fields(paths, _NAME, notes)) == [(("A01", "f1"), {"1": paths[1], "2": paths[2]})]
    assert notes.counts == {"second files of one channel of one field, left out": 2}


def test_acquisitions_that_names_do_not_tell_apart_are_not_mixed() -> None:
    """Channels lie in separate folders, so folders tell nothing.

    Copies are one file; files of different names are two.
    """
    name = re.compile(r"([A-P]\d\d)_?(f\d|)_w(\d)\w*\.tif$")
    notes = Notes()
    copies = ["c/p-w1/A01_f1_w1x.tif", "p-w1/A01_f1_w1x.tif", "p-w2/A01_f1_w2y.tif"]
    apart = ["p-w1/B01_f1_w1x.tif", "p-w1/B01_f1_w1z.tif", "p-w2/B01_f1_w2y.tif"]
    assert list(fields([*copies, *apart], name, notes, together=False)) == [
        (("A01", "f1"), {"1": copies[0], "2": copies[2]}),
        (("B01", "f1"), {}),
    ]
    assert notes.counts == {
        "second files of one channel of one field, left out": 1,
        "files of fields with several acquisitions that names do not tell apart, left out": 3,
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Negative Control", "negative"), ("positive control", "positive"), ("negative", "negative"), ("", None)]
    + [(word, None) for word in ("empty well", "no reagent", "control cell line", "untreated", "nonnegative")],
)
def test_controls(text: str, kind: str | None) -> None:
    assert control_of(text) == kind


def test_what_a_source_excludes() -> None:
    assert [excluded_by(word) for word in ("", "pass", "Passed ")] == [""] * 3
    assert excluded_by(" Excluded: HDEL protein") == "Excluded: HDEL protein"
    assert excluded_by("fail") == "fail"


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
    rows.add("p", "A01", Treatment(compound="dmso", control="negative"), "t.csv")
    rows.add("p", "A02", Treatment(excluded="blurred"), "t.csv")
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
    assert {(image.batch, image.well, image.control) for image in images} == {
        ("p", "A01", "negative"),
        ("p", "A03", None),
    }
    assert {image.cell_visible for image in images} == {"nucleus", "cell body"}
    assert folder.notes.counts == {
        EXCLUDED: 4,
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
