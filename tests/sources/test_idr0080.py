from __future__ import annotations

from pathlib import Path

from builder.sources.common.folder import Folder
from tests.sources.case_checks import signatures
from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import IdrTestCase

_RAW = "20200316-s3/2015_07_01_Cell_Health/CRISPR_PILOT_B1/images"
_B1 = f"{_RAW}/SQ00014610__2016-06-16T00_38_35-Measurement2/Images"
_B2 = f"{_RAW}/SQ00014613__2016-06-16T07_10_56-Measurement1/Images"
_B3 = f"{_RAW}/SQ00014617__2016-06-16T03_54_31-Measurement1/Images"
_CORRECTED = "20200923-illumcorrected"
_ALL = "nucleus|er|nucleoli|cytoplasmic rna|actin|golgi|cell membrane|mitochondria"
_STAINS = ("nucleus", "er", "nucleoli + cytoplasmic rna", "actin + golgi + cell membrane", "mitochondria")


def _name(row: int, column: int, channel: int, field: int = 1) -> str:
    return f"r{row:02d}c{column:02d}f{field:02d}p01-ch{channel}sk1fk1fl1.tiff"


class TestIdr0080(IdrTestCase):
    dir_name = "idr0080"
    count = 8
    channel_orders = (_STAINS,)
    tokens = {
        "organism": {"human": 8},
        "cell_type": {"a549": 6, "es2": 1},
        "cell_visible": dict.fromkeys(_ALL.split("|"), 8),
        "gene": {"mcl1 targeted": 2, "chr2 targeted": 1, "mtor targeted": 1, "braf targeted": 2},
    }
    rows = {
        "SQ00014610_A02_f02": {
            "gene": "mcl1 targeted",
            "cell_type": "a549",
            "cell_visible": _ALL,
            "microscopy": "fluorescence",
            "group": "SQ00014610_A02",
            "files": tuple(f"{_B1}/{_name(1, 2, channel, 2)}" for channel in range(1, 6)),
            "channels": _STAINS,
        },
        "SQ00014610_A01_f01": {"gene": None, "cell_type": "a549", "control": None},  # an empty well
        "SQ00014610_P24_f01": {"gene": "chr2 targeted", "control": "negative", "well": "P24", "batch": "SQ00014610"},
        # two symbols, one Ensembl identifier
        "SQ00014610_A09_f01": {"gene": "braf targeted"},
        "SQ00014610_A10_f01": {"gene": "braf targeted"},
        "SQ00014613_E07_f01": {  # of this plate only the corrected copy is there
            "gene": "mtor targeted",
            "cell_type": "es2",
            "files": tuple(f"{_CORRECTED}/SQ00014613/Images/{_name(5, 7, channel)}" for channel in range(1, 6)),
        },
        "SQ00014613_B01_f01": {"gene": None, "cell_type": None, "organism": "human"},  # no row
    }
    groups = 7
    repeated = (("SQ00014610_A02_f01", "SQ00014610_A02_f02"),)  # the corrected copy is left out
    batches = 2
    notes = {
        "illumination-corrected copies, left out": 5,
        "files without a row": 5,
        "rows without a file": 1 + 2,
    }
    unknown_files = {
        f"{_B1}/Index.tif": "files without a known name",
        "elsewhere/r01c01f01p01-ch1sk1fk1fl1.tiff": "files in no known plate folder",
        f"{_CORRECTED}/SQ00014610/Images/{_name(1, 3, 1)}": "illumination-corrected copies, left out",
        f"copy/{_B1}/{_name(1, 1, 1)}": "second files of one channel of one field, left out",
    }
    missing_files = {f"{_B1}/{_name(1, 1, 3)}": "images with channels missing"}
    joined = {
        f"{_B1}/{_name(1, 1, 1)}": {"cell_type": "a549", "gene": None},
        f"{_B1}/{_name(3, 7, 1)}": {"cell_type": "a549", "gene": "dot1l targeted", "group": "SQ00014610_C07"},
        f"{_B1}/{_name(12, 15, 1)}": {"cell_type": "a549", "gene": "chr2 targeted"},
        f"{_B1}/{_name(1, 9, 1)}": {"cell_type": "a549", "gene": "braf targeted"},
        f"{_B1}/{_name(5, 15, 1)}": {"cell_type": "a549", "gene": "rac1 targeted"},
        f"{_B2}/{_name(1, 2, 1)}": {"cell_type": "es2", "gene": "mcl1 targeted"},
        f"{_B2}/{_name(2, 22, 1)}": {"cell_type": "es2", "gene": "lacz targeted"},
        f"{_B2}/{_name(15, 21, 1)}": {"cell_type": "es2", "gene": "kras targeted"},
        f"{_B3}/{_name(5, 1, 1)}": {"cell_type": "hcc44", "gene": "jak3 targeted"},
        f"{_B3}/{_name(8, 14, 1)}": {"cell_type": "hcc44", "gene": "txn targeted"},
        f"{_B3}/{_name(16, 24, 1)}": {"cell_type": None, "gene": None, "organism": "human"},
    }
    unjoined = 1

    def tree(self, root: Path) -> None:
        fields = ((1, 1, 1), (1, 2, 1), (1, 2, 2), (16, 24, 1), (1, 9, 1), (1, 10, 1))
        for channel in range(1, 6):
            for row, column, field in fields:
                write_tiff(root / _B1 / _name(row, column, channel, field))
            write_tiff(root / _CORRECTED / "SQ00014610/Images" / _name(1, 1, channel))
            write_tiff(root / _CORRECTED / "SQ00014613/Images" / _name(5, 7, channel))
            write_tiff(root / _CORRECTED / "SQ00014613/Images" / _name(2, 1, channel))
        header = [
            "Plate",
            "Well",
            "Characteristics [Organism]",
            "Characteristics [Cell Line]",
            "Gene Symbol",
            "Gene Identifier",
            "Control Type",
            "Channels",
        ]
        wells = [
            ("SQ00014610", "A1", "A549", "", "", "no reagent"),
            ("SQ00014610", "A2", "A549", "MCL1", "ENSG00000143384", ""),
            ("SQ00014610", "A3", "A549", "AKT1", "ENSG00000142208", ""),  # no file
            ("SQ00014610", "A9", "A549", "BRAF1", "ENSG00000157764", ""),
            ("SQ00014610", "A10", "A549", "BRAF", "ENSG00000157764", ""),
            ("SQ00014610", "P24", "A549", "Chr2", "", "negative"),
            ("SQ00014613", "E7", "ES2", "MTOR", "ENSG00000198793", ""),
            ("SQ00014617", "E1", "HCC44", "JAK3", "ENSG00000105639", ""),  # no file of the plate
            ("SQ00014617", "E2", "HCC44", "TXN", "ENSG00000136810", ""),
        ]
        rows = [
            (f"{plate}{copy}", well, "Homo sapiens", *rest, "Hoechst (DNA); MitoTracker, deep red")
            for plate, well, *rest in wells
            for copy in ("_illum_corrected", "")
        ]
        write_csv(root / "idr0080-screenA-annotation.csv", header, rows, newline="\r\n")

    def test_two_measurements_of_a_plate_are_not_mixed(self, root: Path) -> None:
        """The measurement with most channels gives the field.

        Where both have all, the first does.
        """
        listed = signatures(root)
        other = _B1.replace("-Measurement2", "-Measurement1")
        fewer = {f"{other}/{_name(1, 1, channel)}": 1 for channel in (1, 2)}
        images = self.read(Folder(str(root), {**listed, **fewer}))
        assert {c.path.partition("/Images")[0] for c in images["SQ00014610_A01_f01"].channels} == {
            _B1.removesuffix("/Images")
        }
        whole = {f"{other}/{_name(1, 1, channel)}": 1 for channel in range(1, 6)}
        without = {path: mark for path, mark in listed.items() if path != f"{_B1}/{_name(1, 1, 3)}"}
        folder = Folder(str(root), {**without, **whole})
        channels = self.read(folder)["SQ00014610_A01_f01"].channels
        assert [c.path for c in channels] == list(whole)
        assert folder.notes.counts["second files of one channel of one field, left out"] == 4
