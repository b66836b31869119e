from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import tifffile
from PIL import Image

pytestmark = pytest.mark.slow


def test_layouts_and_formats_are_those_of_the_real_sources(simulated: Path) -> None:
    with Image.open(simulated / "rec_rxrx1/rxrx1/images/HUVEC-01/Plate1/B02_s1_w6.png") as site:
        assert site.mode == "L"
    assert (simulated / "SIMULATED.txt").read_text("utf-8").startswith("Every image")
    with (simulated / "rec_rxrx1/rxrx1/metadata.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 24 * 2
    plane = tifffile.imread(next((simulated / "bbbc022/BBBC022_v1_images_20585w1").iterdir()))
    assert plane.dtype == "uint16"
    assert plane.max() > 255
    smears = json.loads((simulated / "bbbc041/malaria/training.json").read_text())
    assert (simulated / "bbbc041/malaria").joinpath(smears[0]["image"]["pathname"].lstrip("/")).exists()
    cells = sorted((simulated / "kag_cell_cycle").rglob("*.jpg"))
    assert len(cells) == 120
    with Image.open(cells[0]) as cell:
        assert cell.mode == "RGB"


def test_every_name_in_a_table_is_a_file(simulated: Path) -> None:
    names = {path.name for path in (simulated / "bbbc022").rglob("*.tif")}
    with (simulated / "bbbc022/BBBC022_v1_image.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    listed = {value for row in rows for column, value in row.items() if column.startswith("Image_FileName")}
    assert listed == names
