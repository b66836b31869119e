from __future__ import annotations

import re

import pytest

from builder.sources.common.broad import Fields, anywhere, download, named_files
from builder.sources.common.folder import Folder, LayoutError

NAME = re.compile(r"([a-z])(\d)\.tif$")


def folder(*paths: str) -> Folder:
    return Folder("root", dict.fromkeys(paths, 1))


def test_names_are_matched_from_their_first_letter() -> None:
    tree = folder("a1.tif", "x/b2.tif", "x/cb3.tif", "x/a1.tif.tif", "x/a1.png")
    found = [
        (path, place, match[1]) for path, place, match in named_files(tree, NAME, "a1.tif", ".tif", place=anywhere)
    ]
    assert found == [("a1.tif", "", "a"), ("x/b2.tif", "x/", "b")]
    assert tree.notes.counts == {"files without a known name": 2}


def test_places_are_asked_once_and_may_refuse() -> None:
    asked = []

    def place(directory: str) -> str | None:
        asked.append(directory)
        return None if "no" in directory else directory.upper()

    tree = folder("yes/a1.tif", "yes/a2.tif", "no/a1.tif", "no/a2.tif")
    assert [where for _, where, _ in named_files(tree, NAME, "", ".tif", place=place)] == ["YES/", "YES/"]
    assert asked == ["no/", "yes/"]
    assert tree.notes.counts == {"files without a known name": 2}


@pytest.mark.parametrize(
    "mask",
    [
        "BBBC005_v1_ground_truth/a1.tif",
        "synthetic_2_ground_truth/a1.tif",
        "BBBC010_v1_foreground/a1.tif",
        "BBBC010_v1_foreground_eachworm/a1.tif",
        "BBC020_v1_outlines_cells/a1.tif",
        "BBBC006_v1_labels/a1.tif",
        "id/masks/a1.tif",
        "BBBC026_GT_images/a1.tif",
        "A01_01_ground_truth.tif",
    ],
)
def test_masks_are_left_out(mask: str) -> None:
    tree = folder("a1.tif", mask)
    assert [path for path, _, _ in named_files(tree, NAME, "", ".tif", place=anywhere)] == ["a1.tif"]
    assert tree.notes.counts == {"masks and ground truth, left out": 1}


def test_nothing_understood() -> None:
    with pytest.raises(LayoutError, match=r"root: looked for a1\.tif; found 2 files, such as one\.tif, two\.tif"):
        list(named_files(folder("one.tif", "two.tif"), NAME, "a1.tif", ".tif", place=anywhere))
    assert list(named_files(folder("readme.md"), NAME, "a1.tif", ".tif", place=anywhere)) == []


def test_fields() -> None:
    tree = folder()
    fields = Fields(tree)
    for channel, path in (("1", "b/1.tif"), ("0", "b/0.tif"), ("0", "copy/0.tif")):
        fields.add("b", channel, path)
    fields.add("a", "1", "a/1.tif")
    assert list(fields) == [
        ("a", {"1": "a/1.tif"}),
        ("b", {"1": "b/1.tif", "0": "b/0.tif"}),
    ]
    assert tree.notes.counts == {"second files of one channel of one field, left out": 1}


def test_a_plus_in_a_name_is_escaped() -> None:
    found = download("BBBC017", "NIRHTa+001.zip", 3)
    assert found[:2] == ("https://data.broadinstitute.org/bbbc/BBBC017/NIRHTa%2B001.zip", 3)
