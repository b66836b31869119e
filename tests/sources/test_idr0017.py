from __future__ import annotations

from pathlib import Path

import pytest

from builder.sources.common.folder import Folder
from builder.sources.common.screens import EXCLUDED
from builder.sources.idr0017 import _FLAGGED, _FLAGGED_ONCE
from tests.sources.case_checks import Row, check_rows
from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import IdrTestCase

_ROOT = "20151124/14_X-Man_10x/source"
_LIBRARY = "PGPC/Changed_LOPAC3_384_convert96er_GeneID_updated_Selectivity.txt"


def _file(plate: str, well: str, channel: str = "DAPI", field: int = 1) -> str:
    return f"{_ROOT}/2011-11-17_X-Man_LOPAC_{plate}/{well}(fld {field} wv {channel} - {channel}).tif"


class TestIdr0017(IdrTestCase):
    dir_name = "idr0017"
    count = 5
    channel_orders = (("nucleus", "actin"),)
    tokens = {
        "organism": {"human": 5},
        "cell_type": {"104-009": 4, "par001": 1},
        "cell_visible": {"nucleus": 5, "actin": 5},
        "compound": {'2,3-"quoted", acid': 2, "paclitaxel": 1},
    }
    rows = {
        "X04_S2_1_A03_4": {
            "cell_type": "104-009",
            "compound": '2,3-"quoted", acid',
            "group": "X04_S2_1_A03",
            "files": (_file("X04_LP_S02_1", "A - 3", "DAPI", 4), _file("X04_LP_S02_1", "A - 3", "Cy3", 4)),
        },
        "X04_S2_1_A01_1": {"compound": None, "cell_type": "104-009", "control": None},  # untreated
        "X04_S2_1_D03_1": {"compound": "paclitaxel", "control": "positive", "well": "D03", "batch": "X04_S2_1"},
        "X12_S1_2_O24_1": {"compound": None, "cell_type": "par001"},  # no row: the folder still names the line
    }
    groups = 4
    repeated = (("X04_S2_1_A03_1", "X04_S2_1_A03_4"),)
    batches = 2
    notes = {"files without a row": 2, "rows without a file": 2, "rows of an unknown plate": 1}
    unknown_files = {
        _file("X04_LP_S02_1", "Q - 3"): "files without a known name",
        _file("X13_LP_S02_1", "A - 3"): "files in no known plate folder",
    }
    missing_files = {_file("X04_LP_S02_1", "D - 3", "Cy3"): "images with channels missing"}
    # the real library: its wells of the plates P1 to P4, the lines by the folder
    joined = {
        _file("X01_LP_S01_1", "A - 1"): {"compound": None, "cell_type": "02-006"},
        _file("X01_LP_S01_1", "A - 4"): {"compound": "n-acetyl-l-cysteine"},
        _file("X01_LP_S01_2", "A - 4"): {"compound": "n-acetyl-l-cysteine", "group": "X01_S1_2_A04"},
        _file("X03_LP_S01_1", "C - 23"): {"compound": "dmso", "cell_type": "02-004"},
        _file("X05_LP_S01_1", "K - 1"): {"compound": "pd 98,059", "cell_type": "par007"},
        _file("X04_LP_S02_1", "A - 3"): {"compound": "cyclothiazide", "cell_type": "104-009"},
        _file("X04_LP_S02_1", "B - 17"): {"compound": "fexofenadine"},
        _file("X08_LP_S02_2", "G - 23"): {"compound": "vinblastine sulfate salt", "cell_type": "104-007"},
        _file("X10_LP_S03_1", "A - 20"): {"compound": "gw405833 hydrochloride", "cell_type": "02-008"},
        _file("X12_LP_S04_2", "C - 16"): {"compound": "snc80", "cell_type": "par001"},
        _file("X12_LP_S04_2", "O - 23"): {"compound": None, "cell_type": "par001"},
    }
    unjoined = 1

    def tree(self, root: Path) -> None:
        for channel in ("DAPI", "Cy3"):
            for well, field in (("A - 1", 1), ("A - 3", 1), ("A - 3", 4), ("D - 3", 1)):
                write_tiff(root / _file("X04_LP_S02_1", well, channel, field))
            # as in the package's example, with underscores
            write_tiff(root / _file("X12_LP_S01_2", "O - 24", channel).replace(" ", "_"))
        line = "CTNNB1_mt-/wt+_LOPAC_Plate_2_Replicate_1"
        write_csv(
            root / "idr0017-screenA-annotation.csv",
            ["Plate", "Well", "Characteristics [Cell Line]", "Compound Name", "Control Type"],
            [
                (line, "A1", "104-009", "", "untreated"),
                (line, "A3", "104-009", '2,3-"Quoted", acid', ""),
                (line, "D3", "104-009", "Taxol", "positive control"),
                (line, "P1", "104-009", "DMSO", "negative control"),  # no file
                ("PARENTAL007_LOPAC_Plate_1_Replicate_1", "A1", "PAR007", "DMSO", ""),  # no file of the plate
                ("UNHEARD-OF_LOPAC_Plate_1_Replicate_1", "A1", "", "DMSO", ""),
            ],
        )

    def test_the_library_stands_in_for_the_table(self, copy: Path) -> None:
        (copy / "idr0017-screenA-annotation.csv").unlink()
        library = copy / _LIBRARY
        wells = [("P2", "A01", "no treatment", ""), ("P2", "A03", "79195", "Cyclothiazide")]
        wells += [("P2", "D03", "ctrl_Vinblastin_0.1µM", ""), ("P1", "O24", "neg_ctr_DMSO", "")]
        write_csv(library, ["PlateName", "Well", "compoundID_384", "Name"], wells, delimiter="\t")
        library.write_bytes(library.read_text("utf-8").encode("latin-1"))
        folder = Folder.listed(str(copy))
        expected: dict[str, Row] = {
            "X04_S2_1_A01_1": {"compound": None},
            "X04_S2_1_A03_4": {"compound": "cyclothiazide", "cell_type": "104-009"},
            "X04_S2_1_D03_1": {"compound": "vinblastine sulfate salt"},
            "X12_S1_2_O24_1": {"compound": "dmso", "cell_type": "par001", "control": "negative"},
        }
        check_rows(self.source, self.read(folder), expected)
        assert "files without a row" not in folder.notes.counts

    @pytest.mark.parametrize(
        ("plate", "well", "flagged"),
        [
            ("X01_S1_1", "B1", True),
            ("X09_S4_2", "P24", True),
            ("X09_S4_2", "O24", False),
            ("X09_S4_2", "B3", False),
            ("X02_S2_1", "O12", True),
            ("X02_S3_1", "O12", False),
            ("X05_S3_2", "L21", True),
            ("X07_S4_1", "N08", True),
            ("X12_S3_1", "I18", True),  # of one line's first replicate only
            ("X12_S3_2", "I18", False),
            ("X11_S3_1", "I18", False),
        ],
    )
    def test_wells_that_the_screen_log_flags_are_left_out(
        self, plate: str, well: str, flagged: bool, tmp_path: Path
    ) -> None:
        x, library, replicate = plate.split("_")
        for channel in ("DAPI", "Cy3"):
            write_tiff(
                tmp_path
                / _file(f"{x}_LP_{library[0]}0{library[1]}_{replicate}", f"{well[0]} - {int(well[1:])}", channel)
            )
        line, number = (
            {"X01": "AKT1-/-_&_AKT2-/-", "X02": "MEK2-/-", "X05": "PARENTAL007", "X07": "PTEN-/-"}.get(x),
            library[1],
        )
        line = line or {"X09": "KRAS_mt-/wt+", "X11": "MEK1-/-", "X12": "PARENTAL001"}[x]
        row = (f"{line}_LOPAC_Plate_{number}_Replicate_{replicate}", well, "", "DAPT", "")
        header = ["Plate", "Well", "Characteristics [Cell Line]", "Compound Name", "Control Type"]
        write_csv(tmp_path / "idr0017-screenA-annotation.csv", header, [row])
        folder = Folder.listed(str(tmp_path))
        assert len(self.read(folder)) == (not flagged)
        assert folder.notes.counts.get(EXCLUDED, 0) == (2 if flagged else 0)

    @pytest.mark.real
    def test_the_flags_are_those_of_the_log(self, real_data: Path) -> None:
        text = (real_data / "idr0017/PGPC/2013-01-10_LOPACScreenlog_plate.txt").read_text("ascii")
        lines = [line.split("\t") for line in text.replace("\r", "\n").splitlines()[1:] if line]
        every = {well for plate, _, well, *_ in lines if plate == "*"}
        assert every == set(_FLAGGED)
        once = {(f"S{plate}", well) for plate, _, well, *_ in lines if plate != "*"}
        assert once == {(plates[3:5], well) for plates, well in _FLAGGED_ONCE}

    def test_its_license_forbids_changed_images(self) -> None:
        assert self.source.license.restricted

    @pytest.mark.real
    def test_the_lines_are_those_of_the_study(self, real_data: Path) -> None:
        """Every folder has the line that the study's list gives."""
        listing = real_data / "idr0017/idr0017_original_to_readable_platename_mappings.txt"
        from builder.sources.idr0017 import _LINES

        lines = [line.split("\t") for line in listing.read_text("utf-8").splitlines()[1:]]
        assert len(lines) == 96
        for folder, readable in lines:
            x, plate, replicate = folder[-11:-9], folder[-3], folder[-1]
            assert readable == f"{_LINES[x][0]}_LOPAC_Plate_{plate}_Replicate_{replicate}"
