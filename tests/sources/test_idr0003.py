from __future__ import annotations

from pathlib import Path

import pytest

from builder.sources.common.folder import Folder
from tests.sources.case_checks import check_rows
from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import IdrTestCase

_ROOT = "201301120/Images"
_SUFFIXES = ("Cherry", "GFP", "Transmitted")


def _file(plate: str, well: int, suffix: str = "Cherry", field: int = 1) -> str:
    return f"{_ROOT}/{plate}/--W{well:05d}--P{field:05d}--Z00000--T00000--{suffix}.tif"


class TestIdr0003(IdrTestCase):
    dir_name = "idr0003"
    count = 10
    channel_orders = (("cytoplasm", "protein"), ("brightfield",))
    tokens = {
        "organism": {"yeast": 10},
        "cell_type": {"y6545": 10},
        "cell_visible": {"cytoplasm": 5, "protein": 5, "cell body": 5},
        "compound": {"dithiothreitol": 4, "hydrogen peroxide": 2},
        "phenotype": {"synthetic medium with dextrose": 2, "starvation": 2},
    }
    rows = {
        "DTT p1_A01_P00002": {
            "compound": "dithiothreitol",
            "phenotype": None,
            "cell_visible": "cytoplasm|protein",
            "microscopy": "fluorescence",
            "group": "DTT p1_A01",
            "files": (_file("DTT/p1", 1, "Cherry", 2), _file("DTT/p1", 1, "GFP", 2)),
        },
        "DTT p1_A01_P00002_brightfield": {
            "compound": "dithiothreitol",
            "cell_visible": "cell body",
            "microscopy": "brightfield",
            "group": "DTT p1_A01",
            "files": (_file("DTT/p1", 1, "Transmitted", 2),),
        },
        "H2O2 p17_P24_P00001": {"compound": "hydrogen peroxide", "gene": None},
        "SD1 p2_B01_P00001": {"phenotype": "synthetic medium with dextrose", "compound": None},
        "starvation p3_A01_P00001": {"phenotype": "starvation"},  # no row: the folder names the stress
    }
    groups = 4
    repeated = (
        ("DTT p1_A01_P00001", "DTT p1_A01_P00002"),
        ("DTT p1_A01_P00001", "DTT p1_A01_P00001_brightfield"),
    )
    batches = 4
    notes = {
        "files without a row": 3,
        "rows without a file": 1 + 1,
        "rows of an unknown plate or stress": 1,
        "files of wells that their source excludes, left out": 3 + 3,
    }
    unknown_files = {
        f"{_ROOT}/DTT/p1/--W00001--P00001--Z00000--T00000--DAPI.tif": "files without a known name",
        f"{_ROOT}/DTT/overview.tif": "files in no known plate folder",
    }
    missing_files = {
        _file("DTT/p1", 1, "GFP", 1): "images with channels missing",
        _file("DTT/p1", 1, "Transmitted", 1): None,
    }
    # the real library of 2016, where the final table is not at hand
    joined = {
        _file("DTT/p1", 1): {"compound": "dithiothreitol"},
        _file("DTT/p1", 2): {"compound": "dithiothreitol"},
        _file("DTT/p1", 8): {"compound": "dithiothreitol"},
        _file("DTT/p1", 48): {"compound": "dithiothreitol", "group": "DTT p1_B24"},
        _file("DTT/p1", 201): {"compound": "dithiothreitol", "group": "DTT p1_I09"},
        _file("H2O2/p2", 41): {"compound": "hydrogen peroxide", "group": "H2O2 p2_B17"},
        _file("H2O2/p2", 213): {"compound": "hydrogen peroxide", "group": "H2O2 p2_I21"},
        _file("SD1/p1", 51): {"phenotype": "synthetic medium with dextrose", "group": "SD1 p1_C03"},
        _file("SD1/p1", 294): {"phenotype": "synthetic medium with dextrose", "group": "SD1 p1_M06"},
        _file("SD2/p17", 2): {"phenotype": "synthetic medium with dextrose", "group": "SD2 p17_A02"},
        _file("starvation/p9", 67): {"phenotype": "starvation", "compound": None, "group": "starvation p9_C19"},
    }

    def tree(self, root: Path) -> None:
        for suffix in _SUFFIXES:
            for plate, well, field in (
                ("DTT/p1", 1, 1),
                ("DTT/p1", 1, 2),
                ("H2O2/p17", 384, 1),
                ("SD1/p2", 25, 1),
                ("starvation/p3", 1, 1),
                ("H2O2/p17", 1, 1),  # excluded
                ("H2O2/p17", 2, 1),  # possibly empty
            ):
                write_tiff(root / _file(plate, well, suffix, field))
        write_csv(
            root / "idr0003-screenA-annotation.csv",
            ["Plate", "Well", "Experimental Condition [Environmental Stress]", "Control Type", "Quality Control"],
            [
                ("DTT p1", "A1", "dithiothreitol", "", ""),
                ("DTT p1", "A2", "dithiothreitol", "", ""),  # no file
                ("H2O2 p17", "P24", "hydrogen peroxide", "", ""),
                ("H2O2 p17", "A1", "hydrogen peroxide", "", "Excluded: GPI-anchored protein"),
                ("H2O2 p17", "A2", "hydrogen peroxide", "missing_info_possibly_empty", ""),
                ("SD1 p2", "B1", "synthetic medium with dextrose", "", ""),
                ("SD2 p2", "B1", "synthetic medium with dextrose", "", ""),  # no file of the plate
                ("SD2 p2", "B2", "a stress nobody wrote about", "", ""),
            ],
        )

    @pytest.mark.parametrize("blank", ["", " "], ids=["older, without a blank", "newer"])
    def test_the_library_stands_in_for_the_table(self, copy: Path, blank: str) -> None:
        (copy / "idr0003-screenA-annotation.csv").unlink()
        header = ["Plate", "Well Number", "Well", f"Experimental Condition{blank}[environmental stress]"]
        library = copy / "idr0003-screenA-library.txt"
        write_csv(library, header, [("starvation p3", 1, "A1", "starvation")], delimiter="\t")
        folder = Folder.listed(str(copy))
        check_rows(self.source, self.read(folder), {"starvation p3_A01_P00001": {"phenotype": "starvation"}})
        assert folder.notes.counts["files without a row"] == 3 * 6
        assert folder.tables == {"idr0003-screenA-library.txt": True}
