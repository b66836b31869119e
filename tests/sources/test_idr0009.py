from __future__ import annotations

from pathlib import Path

from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import LINKED, IdrTestCase

_CHANNELS = ("nucleus-dapi", "pm-647", "vsvg-cfp")
_STAINS = ("nucleus", "cell membrane", "cell membrane")
_ROOT = "20150507-VSVG/VSVG"


def _file(plate: str, well: int, channel: str = "nucleus-dapi") -> str:
    return f"{_ROOT}/{plate}/data/--W{well:05d}--P00001--Z00000--T00000--{channel}.tif"


class TestIdr0009(IdrTestCase):
    dir_name = "idr0009"
    count = 6
    channel_orders = (_STAINS,)
    tokens = {
        "organism": {"human": 6},
        "cell_type": {"hela": 6},
        "cell_visible": {"nucleus": 6, "cell membrane": 6},
        "phenotype": {"strong inhibition of secretion": 1, "enhanced secretion": 1, "mild inhibition of secretion": 1},
        "gene": {"scyl3 targeted": 2, "copb1 targeted": 1, "aadat targeted": 1},
        "sirna": {"103782": 2, "24546": 1, "si00289037": 1},
    }
    rows = {
        "0001-03--2005-08-01_A02_P00001": {
            "gene": "scyl3 targeted",
            "sirna": "103782",
            "phenotype": "mild inhibition of secretion|enhanced secretion",
            "group": "0001-03--2005-08-01_A02",
            "files": tuple(_file("0001-03--2005-08-01", 2, channel) for channel in _CHANNELS),
        },
        # a plate of 2005: its DNA channel has the short name, which the original did not find
        "0021-02--2005-09-14_B01_P00001": {
            "gene": "scyl3 targeted",
            "phenotype": None,
            "channels": _STAINS,
            "files": tuple(_file("0021-02--2005-09-14", 25, channel) for channel in ("dapi", *_CHANNELS[1:])),
        },
        "0305-01--2007-04-03_A14_P00001": {
            "gene": "copb1 targeted",
            "sirna": "24546",
            "phenotype": None,
            "control": "positive",
            "well": "A14",
            "batch": "0305-01--2007-04-03",
        },
        "0305-01--2007-04-03_A02_P00001": {"gene": "aadat targeted", "phenotype": "strong inhibition of secretion"},
        "0305-01--2007-04-03_A01_P00001": {"gene": None, "sirna": None, "cell_type": "hela"},  # an empty well
        "0305-01--2007-04-03_P24_P00001": {"gene": None, "organism": "human"},  # no row
    }
    groups = 6
    repeated = ()
    batches = 3
    notes = {
        "files of wells that their source excludes, left out": 3,
        "files without a row": 3,
        "rows without a file": 1 + 1,
        "malformed rows": 1,
    }
    unknown_files = {
        f"{_ROOT}/0305-01--2007-04-03/overview.tif": "files without a known name",
        f"{_ROOT}/thumbnail.tif": "files in no known plate folder",
    }
    missing_files = {_file("0305-01--2007-04-03", 2): "images with channels missing"}
    joined = {
        _file("0305-01--2007-04-03", 1): {"gene": None, "sirna": None, "phenotype": None},
        _file("0305-01--2007-04-03", 2): {"gene": "aadat targeted", "sirna": "si00289037", "phenotype": None},
        _file("0305-01--2007-04-03", 8): {
            "gene": "abcc6 targeted",
            "sirna": "si00022981",
            "phenotype": "strong inhibition of secretion",
        },
        _file("0305-01--2007-04-03", 14): {"gene": "copb1 targeted", "sirna": "24546"},
        _file("0305-01--2007-04-03", 64): {"gene": "ambp targeted", "sirna": "si00295232", "phenotype": None},
        _file("0305-01--2007-04-03", 193): {
            "gene": "glmp targeted",
            "sirna": "si00637854",
            "phenotype": "strong inhibition of secretion",
        },
        _file("0307-10--2007-05-30", 2): {"gene": "luzp1 targeted", "sirna": "si00625261"},
        _file("0307-10--2007-05-30", 297): {"gene": None, "sirna": "00000146001"},
        _file("0308-01--2007-04-03", 39): {"gene": None, "sirna": "103860"},
        _file("0308-01--2007-04-03", 281): {"gene": "tlr7 targeted", "sirna": "si02642416"},
        _file("0311-12--2007-06-03", 109): {"gene": None, "sirna": "149893"},
    }

    def tree(self, root: Path) -> None:
        for plate, wells in {"0001-03--2005-08-01": (2, 3), "0305-01--2007-04-03": (1, 2, 14, 384)}.items():
            for well in wells:
                for channel in _CHANNELS:
                    write_tiff(root / _file(plate, well, channel))
        for channel in ("dapi", "pm-647", "vsvg-cfp"):
            write_tiff(root / _file("0021-02--2005-09-14", 25, channel))
        # screen A as it is now, gzipped; screen B as it was in 2016
        header_a = ["Plate", "Well", "Well Number", "siRNA Identifier", "Gene Symbol", "Quality Control"]
        header_a += ["Phenotype 1", "Phenotype 2", "Phenotype 3"]
        mild = "mild inhibition of secretion"
        write_csv(
            root / "idr0009-screenA-annotation.csv.gz",
            header_a,
            [
                ("0001-03--2005-08-01", "A2", 2, "103782", "SCYL3", "pass", "", mild, "enhanced secretion"),
                ("0001-03--2005-08-01", "A3", 3, "1468", "FGR", "fail", "", "", ""),
                ("0021-02--2005-09-14", "B1", 25, "103782", "SCYL3", "pass", "", "", ""),
                ("0022-02--2005-09-15", "B1", 25, "103782", "SCYL3", "pass", "", "", ""),  # no file of the plate
            ],
        )
        header_b = ["Plate", "Well Number", "Well", "siRNA Identifier", f"Gene Identifier{LINKED}"]
        header_b += ["Gene Symbol (Ensembl 81)", "Control Type", "Comments", "Phenotype 1"]
        plate = "0305-01--2007-04-03"
        write_csv(
            root / "idr0009-screenB-annotation.csv",
            header_b,
            [
                (plate, 1, "A1", "", "", "", "empty well", "", ""),
                (plate, 2, "A2", "SI00289037", "ENSG1", "AADAT", "", "", "strong inhibition of secretion"),
                (plate, 14, "A14", "Q24546", "ENSG2;ENSG3", "", "positive control", "siRNA targetted COPB1", ""),
                (plate, 15, "A15", "SI1", "", "ABAT", "", "annotation not available, images missing for well", ""),
                (plate, 16, "A16", "cut short"),
            ],
        )
