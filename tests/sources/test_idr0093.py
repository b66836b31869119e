from __future__ import annotations

from pathlib import Path

from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import IdrTestCase

_STAINS = ("nucleus", "pcna", "rna", "protein", "protein")


def _file(folder: str, plate: str, well: str, channel: int, field: int = 1) -> str:
    return f"{folder}/{plate}/{plate}_{well}_T0001F{field:03d}L01A01Z01C{channel:02d}.tif"


class TestIdr0093(IdrTestCase):
    dir_name = "idr0093"
    count = 4
    channel_orders = (_STAINS,)
    tokens = {
        "organism": {"human": 4},
        "cell_type": {"hela": 4},
        "cell_visible": dict.fromkeys(("nucleus", "pcna", "rna", "protein"), 4),
        "gene": {"kif11 targeted": 2},
        "sirna": {"s7902": 2, "s7903": 2, "s7904": 2},
    }
    rows = {
        "024_B02_F009": {
            "gene": "kif11 targeted",
            "sirna": "s7902|s7903|s7904",
            "microscopy": "confocal",
            "group": "024_B02",
            "batch": "024",
            "control": "positive",
            "pixel_size_um": 0.325,
            "files": tuple(_file("20200810-rsync/02_batch", "024", "B02", channel, 9) for channel in range(1, 6)),
        },
        "001_C13_F001": {"gene": None, "sirna": None, "cell_type": "hela"},  # scrambled control
        "001_P24_F001": {"gene": None, "organism": "human"},  # no row
    }
    groups = 3
    repeated = (("024_B02_F001", "024_B02_F009"),)
    batches = 2
    notes = {"files without a row": 5, "rows without a file": 2}
    unknown_files = {
        "20200910-rsync/001/001_C13_T0001F001L01A01Z01.tif": "files without a known name",
        "20200910-rsync/overview.tif": "files in no known plate folder",
    }
    missing_files = {_file("20200910-rsync", "001", "C13", 5): "images with channels missing"}

    def tree(self, root: Path) -> None:
        for channel in range(1, 6):
            write_tiff(root / _file("20200810-rsync/02_batch", "024", "B02", channel))
            write_tiff(root / _file("20200810-rsync/02_batch", "024", "B02", channel, 9))
            write_tiff(root / _file("20200910-rsync", "001", "C13", channel))
            write_tiff(root / _file("20200910-rsync", "001", "P24", channel))
        header = ["Plate", "Well", "siRNA Pool Identifier 1", "siRNA Pool Identifier 2", "siRNA Pool Identifier 3"]
        header += ["Comment [siRNA Pool]", "Gene Symbol", "Control Type", *(f"measured {n}" for n in range(40))]
        numbers = [0.25] * 40
        write_csv(
            root / "idr0093-screenA-annotation.csv.gz",
            header,
            [
                ("024", "B2", "s7902", "s7903", "s7904", "", "KIF11", "positive control", *numbers),
                ("1", "C13", "", "", "", "Scrambled, 3", "", "negative control", *numbers),
                ("001", "C14", "s1", "s2", "", "", "ABCA1", "", *numbers),  # no file
                ("083", "C14", "s1", "s2", "", "", "ABCA1", "", *numbers),  # no file of the plate
            ],
        )
