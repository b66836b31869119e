"""Real file names from the original project's lists.

The lists are trimmed; they hold real paths and the project's labels.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from builder.sources import get_source
from builder.sources.common.folder import Folder, LayoutError
from builder.vocabulary import normalize
from tests.sources.case_checks import normalised

pytestmark = pytest.mark.real

# where we depart from the original on purpose: column, ours, the original's
DEPARTURES = {
    "bbbc006": {("cell_visible", "actin", "nucleus"), ("microscopy", "fluorescence", "confocal")},
    "bbbc013": {("cell_visible", "fkhr", "nucleus")},
    "bbbc014": {
        ("cell_visible", "nfkb", "nucleus"),
        ("cell_type", "mcf7", "mcf7|a549"),
        ("cell_type", "a549", "mcf7|a549"),
    },
    "bbbc015": {("cell_visible", None, "nucleus|cell membrane")},
    "bbbc026": set(),
    "bbbc051": set(),
}


def listed(real_data: Path, dir_name: str) -> tuple[Folder, dict[str, dict[str, str]]]:
    """Return a folder with the listed files and their rows.

    The files are below the source's folder.
    """
    table = real_data / dir_name / "not_part_of_source" / f"{dir_name}_metadata.csv"
    rows = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            below = row["path"].partition(f"/{dir_name}")[2].lstrip("/")
            rows[f"{below}/{row['filename']}".lstrip("/")] = row
    return Folder(str(table.parent), dict.fromkeys(rows, 1)), rows


@pytest.mark.parametrize("dir_name", DEPARTURES)
def test_real_names_are_understood(real_data: Path, dir_name: str) -> None:
    """Every listed file is one row with the original's labels.

    But for the departures that the adapter's docstring tells.
    """
    folder, rows = listed(real_data, dir_name)
    source = get_source(dir_name)
    images = list(source.images(folder))
    assert Counter(image.channels[0].path for image in images) == Counter(list(rows))
    assert len({image.key for image in images}) == len(rows) >= 40
    whole = {"stacks whose specimen is not known, one group": len(rows)}  # unpacked without folders of specimens
    assert folder.notes.counts == (whole if dir_name == "bbbc051" else {})
    found = set()
    for image in images:
        ours, theirs = normalised(source, image), rows[image.channels[0].path]
        for column, name in (
            ("cell_visible", "cell_component"),
            *((c, c) for c in ("organism", "cell_type", "phenotype", "microscopy")),
        ):
            if ours[column] != normalize(column, theirs[name]):
                found.add((column, ours[column], normalize(column, theirs[name])))
    assert found == DEPARTURES[dir_name]


def test_masks_of_bbbc005_are_left_out(real_data: Path) -> None:
    """The original's list of bbbc005 holds only masks.

    They bear the names of images.
    """
    folder, rows = listed(real_data, "bbbc005")
    with pytest.raises(LayoutError):
        list(get_source("bbbc005").images(folder))
    assert folder.notes.counts == {"masks and ground truth, left out": len(rows)}
