"""Declarations give the same rows as the sources' adapters.

The sources are declared from scratch under another name.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builder.sources import get_source, source_at
from builder.sources.base import Image
from builder.sources.common.folder import Folder
from tests.sources import test_bbbc013, test_bbbc026, test_kag_cell_cycle, test_rec_rxrx2
from tests.sources.case import SourceTestCase
from tests.sources.declared.reading import declare, read
from tests.sources.files import write_csv

CELL_CYCLE = r"""
database = "Kaggle"
organism = "nematode"
cell_visible = "nucleus"
microscopy = "light"
single_object = true
group = "'slide'"
key = "{phase}_{photograph}_{crop}"
[files]
regex = '(?P<phase>interphase|mitosis)/IMG_(?P<photograph>\d+)-(?P<crop>\d+)\.jpe?g'
[channels]
"*" = "light"
[columns]
phenotype = "phase"
"""

BBBC013 = """
database = "BBBC"
organism = "human"
cell_type = "u2os"
microscopy = "fluorescence"
batch = "'plate'"
separate_channels = true
key = "Channel{channel}-{number}-{row}-{col}"
[files]
pattern = "Channel{channel}-{number}-{row}-{col}.bmp"
[channels]
1 = "fkhr"
2 = "nucleus"
[[tables]]
file = "plate map.csv"
"""

BBBC026 = """
database = "BBBC"
organism = "human|mouse"
cell_type = "hepatocyte|fibroblast"
cell_visible = "nucleus"
microscopy = "fluorescence"
key = "{plate}_{well}_s{field}"
[files]
layout = "imagexpress"
suffixes = [".png"]
exclude = ["*_GT_images/*"]
[channels]
1 = "nucleus"
"""

RXRX2 = """
database = "Recursion"
organism = "human"
microscopy = "fluorescence"
key = "{experiment}_{number}_{well}_{site}"
group = "{experiment}_{number}_{well}"
batch = "{experiment}"
[files]
pattern = "{experiment}/Plate{number}/{well}_s{site}_w{channel}.png"
[channels]
1 = "nucleus"
2 = "er"
3 = "actin"
4 = "nucleoli"
5 = "mitochondria"
6 = "golgi"
[[tables]]
file = "metadata.csv"
join = { experiment = "experiment", number = "plate", well = "well", site = "site" }
required = true
[columns]
compound = "treatment"
[values.compound]
EMPTY = ""
"""


def plate_map(root: Path) -> None:
    """Write the plate of bbbc013, as its page describes it.

    Drugs by row, controls in columns 1, 2 and 12.
    """
    rows = []
    for row in "ABCDEFGH":
        without, with_drug = (1, 12) if row in "ABCD" else (12, 1)
        for column in range(1, 13):
            drug = "wortmannin" if row in "ABCD" or column == with_drug else "ly294002"
            control = "negative" if column in (2, without) else "positive" if column == with_drug else ""
            rows.append((f"{row}{column}", "" if control == "negative" else drug, control))
    write_csv(root / "plate map.csv", ("Well", "compound", "control"), rows)


def same_rows(root: Path, dir_name: str, text: str) -> dict[str, Image]:
    """Check that declaration and adapter agree; return the images."""
    by_adapter = {image.key: image for image in get_source(dir_name).images(Folder.listed(str(root)))}
    if dir_name == "bbbc013":
        plate_map(root)
    declare(root, text)
    declared, _ = read(root)
    assert declared == by_adapter
    return declared


CASES = {
    test_kag_cell_cycle.TestCellCycle: CELL_CYCLE,
    test_bbbc013.TestBbbc013: BBBC013,
    test_bbbc026.TestBbbc026: BBBC026,
    test_rec_rxrx2.TestRxrx2: RXRX2,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.dir_name)
def test_a_declaration_gives_the_rows_of_the_adapter(case: type[SourceTestCase], tmp_path: Path) -> None:
    root = tmp_path / "our own screen"
    root.mkdir()
    case().tree(root)
    assert len(same_rows(root, case.dir_name, CASES[case])) == case.count


RXRX1 = """
organism = "human"
key = "{experiment}/{number}/{well}/{site}"
batch = "{experiment}"
group = "{experiment}_{number}_{well}"
[files]
pattern = "{experiment}/Plate{number}/{well}_s{site}_w{channel}.png"
[channels]
1 = "nucleus"
2 = "er"
3 = "actin"
4 = "nucleoli"
5 = "mitochondria"
6 = "golgi"
[[tables]]
file = "rxrx1/metadata.csv"
join = { experiment = "experiment", number = "plate", well = "well", site = "site" }
[columns]
control = "well_type"
[values.sirna]
EMPTY = ""
"""

BBBC022 = """
organism = "human"
batch = "{plate}"
group = "{plate}_{well}"
key = "{plate}_{well}_s{field}"
[files]
pattern = "*_{plate:[0-9]{5}}w*/IXMtest_{well}_s{field}_w{channel:[1-5]}{uuid:[0-9A-F-]{36}}.tif"
[channels]
2 = "er"
1 = "nucleus"
5 = "mitochondria"
4 = "actin + golgi"
3 = "nucleoli"
[[tables]]
file = "BBBC022_v1_image.csv"
[columns]
compound = "Image_Metadata_SOURCE_COMPOUND_NAME"
"""


@pytest.mark.real
@pytest.mark.parametrize(
    ("dir_name", "text", "same"),
    [
        ("bbbc013", BBBC013, ("channels", "group", "cell_visible", "compound", "batch", "well", "control")),
        ("bbbc022", BBBC022, ("channels", "group", "cell_visible", "compound", "batch", "well")),
        ("kag_cell_cycle", CELL_CYCLE, Image._fields),
        ("rec_rxrx1", RXRX1, ("channels", "cell_visible", "cell_type", "sirna", "well", "control")),
    ],
)
def test_real_files_under_another_name(
    dir_name: str, text: str, same: tuple[str, ...], real_data: Path, tmp_path: Path
) -> None:
    """Real samples agree with the adapter on every image.

    They are copied and declared from scratch.
    """
    root = tmp_path / "our own screen"
    shutil.copytree(real_data / dir_name, root)
    adapter = get_source(dir_name)
    expected = {image.channels: image for image in adapter.images(Folder.listed(str(root)))}
    if dir_name == "bbbc013":
        plate_map(root)
    declare(root, text)
    found = {image.channels: image for image in source_at(str(root), root.name).images(Folder.listed(str(root)))}
    assert expected.keys() <= found.keys()
    for channels, image in expected.items():
        for name in same:
            assert getattr(found[channels], name) == getattr(image, name), name
