"""Fields are worked on in blocks.

What is found must not depend on where these end, nor on what lies beside."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builder.sources.base import Image
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.declared import blocks, lists
from builder.sources.declared.source import read_source
from tests.sources.files import write_text

PLATES, WELLS, SITES, CHANNELS = ("P1", "p 2"), ("A01", "a2", "B - 03"), ("1", "02", "11"), ("1", "2")
NAMED = {"A01": "A01", "a2": "A02", "B - 03": "B03"}
PLACES = [*itertools.product(PLATES, WELLS, SITES, CHANNELS)]
OTHERS = ("P1/A01_s1_w1_thumb.tif", "_old/A01_s1_w1.png", "P1/notes of A01.tif", "P1/Z99x_s1_w1.png")


def images(files: Iterable[str], declared: str, tables: Mapping[str, str]) -> tuple[list[Image], dict[str, Any]]:
    """Return images and notes of files that are names alone."""
    with tempfile.TemporaryDirectory() as root:
        for name, text in tables.items():
            write_text(Path(root, name), text)
        folder = Folder(root, dict.fromkeys([*files, *tables], 1))
        found = list(read_source(f'title = "Ours"\n{declared}'.encode(), "own", "source.toml").images(folder))
        return found, {"counts": folder.notes.counts, "examples": folder.notes.examples}


def in_blocks_of(size: int, files: Iterable[str], declared: str, tables: Mapping[str, str]) -> Any:
    whole, rows = blocks.SIZE, lists._ROWS
    try:
        blocks.SIZE, lists._ROWS = size, size  # type: ignore[misc]
        return images(files, declared, tables)
    finally:
        blocks.SIZE, lists._ROWS = whole, rows  # type: ignore[misc]


def path_of(plate: str, well: str, site: str, channel: str, ending: str = "png") -> str:
    return f"{plate}/{well}_s{site}_w{channel}.{ending}"


SAID = st.sampled_from(
    [
        "",
        "separate_channels = true",
        'key = "{plate}-{well}-{site}-{channel}-{drug}"',
        'group = "{drug}"\nbatch = "{plate}{row}"',
        "single_object = true",
    ]
)
FILES_SAY = st.sampled_from(["", 'exclude = ["*s11*"]', 'suffixes = [".png"]', "keep_non_images = true"])
CHANNELS_SAY = st.sampled_from(
    ["", '[channels]\n1 = "nucleus"\n2 = "brightfield"', '[channels]\n2 = "actin"', '[channels]\n"*" = "nucleus"',
     '[plate_channels.P1]\n1 = "nucleus"\n2 = "actin"']
)  # fmt: skip
JOIN_SAYS = st.sampled_from(
    ["", "required = true", 'leave_out = { drug = "x" }', 'where = { drug = ["x", "y"] }', 'empty = { drug = "none" }']
)
DOSES = st.dictionaries(
    st.tuples(st.sampled_from(PLATES), st.sampled_from(WELLS)),
    st.tuples(st.sampled_from(["", "x", "y"]), st.sampled_from(["", "1", "2.5", "much"])),
    min_size=1,
)
ROW = '[facts.row]\nfrom = "well"\ncut = "^(.)"'
MADE = st.sampled_from(["", '[facts.drug]\nfrom = "{drug}{plate}"\nupper = true', ROW])
FILE = st.sampled_from(["a.png", "b.png", "c.png", "gone.png", ""])
ROWS = st.tuples(FILE, FILE, st.sampled_from(["x", "", "y"]), st.sampled_from(["A1", "b-2", "??", ""]))
IN_FOLDERS = st.tuples(st.sampled_from(["", "x", "y/x", "y/mask"]), st.sampled_from(["a", "b", "c.d"]))


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from(PLACES), min_size=3, unique=True),
    st.lists(st.sampled_from(OTHERS), unique=True),
    st.tuples(SAID, FILES_SAY, CHANNELS_SAY, JOIN_SAYS, MADE),
    DOSES,
    st.integers(1, 5),
)  # fmt: skip
def test_fields_are_the_same_in_blocks_of_any_size(
    places: list[tuple[str, ...]], others: list[str], said: tuple[str, ...], doses: Mapping[Any, Any], size: int
) -> None:
    top, of_files, channels, of_table, made = said
    if "row" in top and "row" not in made:
        made = ROW
    declared = (
        f'{top}\n[files]\npattern = "{{plate}}/{{well}}_s{{site}}_w{{channel}}.*"\n{of_files}\n{channels}\n'
        f'[[tables]]\nfile = "map.csv"\n{of_table}\n{made}\n[columns]\ncompound = "drug"\n'
        '[extra.dose]\ntype = "number"\n'
    )
    rows = [f"{plate},{well},{drug},{dose}" for (plate, well), (drug, dose) in doses.items()]
    tables = {"map.csv": "\n".join(["plate,well,drug,dose", *rows]) + "\n"}
    files = [path_of(*place) for place in places] + others
    alone = outcome(1, files, declared, tables)
    assert outcome(size, files, declared, tables) == alone
    assert outcome(4096, files, declared, tables) == alone


def outcome(size: int, files: list[str], declared: str, tables: Mapping[str, str]) -> Any:
    try:
        return in_blocks_of(size, files, declared, tables)
    except LayoutError as error:
        return type(error), str(error).partition(": ")[2]


@settings(max_examples=25)
@given(st.lists(st.sampled_from(PLACES), min_size=1, unique=True), DOSES)
def test_fields_have_what_their_names_and_the_map_say(places: list[tuple[str, ...]], doses: Mapping[Any, Any]) -> None:
    """Expected facts come from how names and map were made."""
    drugs = {(plate, NAMED[well]): drug for (plate, well), (drug, _) in doses.items()}
    rows = [f"{plate},{well},{drug}" for (plate, well), drug in drugs.items()]
    expected: dict[tuple[str, str, str], dict[str, str]] = {}
    for plate, well, site, channel in places:
        expected.setdefault((plate, NAMED[well], site), {})[channel] = path_of(plate, well, site, channel)
    # A row of a plate that is there, so that something joins.
    plate, well, _ = next(iter(expected))
    rows = rows if (plate, well) in drugs else [*rows, f"{plate},{well},z"]
    drugs.setdefault((plate, well), "z")
    declared = '[files]\npattern = "{plate}/{well}_s{site}_w{channel}.png"\n[channels]\n1 = "nucleus"\n2 = "actin"\n'
    declared += '[[tables]]\nfile = "map.csv"\n[columns]\ncompound = "drug"\n'
    tables = {"map.csv": "\n".join(["plate,well,drug", *rows])}
    found, _ = images([path_of(*place) for place in places], declared, tables)
    assert [image.key for image in found] == [f"{plate}/{well}/field{site}" for plate, well, site in sorted(expected)]
    for image, place in zip(found, sorted(expected), strict=True):
        assert {channel.path for channel in image.channels} == {*expected[place].values()}
        assert image.compound == (drugs.get(place[:2]) or None)
        assert (image.batch, image.well, image.group) == (place[0], place[1], f"{place[0]}_{place[1]}")


@settings(max_examples=25)
@given(
    st.lists(ROWS, min_size=1, max_size=9),
    st.sampled_from(["", "[files]\nplate_columns = 12"]),
    st.integers(1, 3),
)  # fmt: skip
def test_rows_are_the_same_in_blocks_of_any_size(rows: list[tuple[str, ...]], more: str, size: int) -> None:
    lines = "\n".join(["FileName_DNA,FileName_Actin,label,Well", *map(",".join, rows)])
    declared = f'[list]\nfile = "list.csv"\n[columns]\nphenotype = "label"\n{more}\n'
    files = ["a.png", "b.png", "c.png", "d.png"]
    alone = outcome(1, files, declared, {"list.csv": lines})
    assert outcome(size, files, declared, {"list.csv": lines}) == alone
    assert outcome(4096, files, declared, {"list.csv": lines}) == alone


@settings(max_examples=25)
@given(
    st.lists(IN_FOLDERS, min_size=1, unique=True),
    st.integers(0, 2),
    st.integers(1, 3),
)  # fmt: skip
def test_class_folders_are_the_same_in_blocks_of_any_size(names: list[tuple[str, str]], level: int, size: int) -> None:
    files = [f"{folder}/{name}.png".lstrip("/") for folder, name in names]
    declared = f'[files]\nclass_folders = "phenotype"\nclass_level = {level}\n'
    alone = outcome(1, files, declared, {})
    assert outcome(size, files, declared, {}) == alone
    if not isinstance(alone[0], type):
        expected = {path: path.split("/")[:-1] for path in files if "mask" not in path}
        expected = {path: folders for path, folders in expected.items() if len(folders) >= max(1, level)}
        assert {image.key: image.phenotype for image in alone[0]} == {
            path: folders[level - 1] for path, folders in expected.items()
        }
