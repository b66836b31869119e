from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from builder.sources.common.excel import read_sheet
from builder.sources.common.folder import Folder, LayoutError
from builder.vocabulary import normalize
from tests.sources.case import SourceTestCase
from tests.sources.files import write_dib, write_text, write_xlsx

# folder, plate id, wells
PLATES = (
    ("NIRHTa+001", "050117080001", ("A01", "B03", "P24")),
    ("NIRHTa-001", "050116030001", ("A01",)),
    ("NIRHTa+014", "050117080014", ("A01", "A02")),
)
SHEET = (
    ("384-Plate#", "384-well", "gene name", "class", "ProdStatus"),
    (1, "A01", "Gabra3", "NONE", "cloned"),
    (1, "A02", "CSNK1E", "kinase", "cloned"),
    (1, "B03", "ABL1", "kinase", "failedToClone"),
    (1, "P24", "EMPTY", "", ""),
    (14, "A01", "WRONG", "kinase", "cloned"),
    (15, "A01", "MAPK11", "kinase", "cloned"),
    (15, "A02", "shLuc", "", ""),
)
NOT_CLONED = "wells whose hairpin failed to clone, without gene"
FIRST = "NIRHTa+001/AS_09125_050117080001_A01f00d{}.DIB"


class TestBbbc017(SourceTestCase):
    dir_name = "bbbc017"
    count = 7
    channel_orders = (("nucleus", "mitosis", "actin"),)
    tokens = {
        "organism": {"human": 7},
        "cell_type": {"ht29": 7},
        "cell_visible": {"nucleus": 7, "actin": 7},
        "gene": {"gabra3 targeted": 3, "mapk11 targeted": 1, "shluc targeted": 1},
    }
    rows = {
        "AS_09125_050117080001_A01f00": {
            "gene": "gabra3 targeted",
            "files": tuple(FIRST.format(channel) for channel in "012"),
            "group": "050117080001_A01",
            "sirna": None,
            "phenotype": None,
        },
        "AS_09125_050117080001_A01f05": {"group": "050117080001_A01", "well": "A01", "batch": "050117080001"},
        "AS_09125_050117080001_B03f00": {"gene": None, "control": None},  # its hairpin failed to clone
        "AS_09125_050117080001_P24f00": {"gene": None},
        "AS_09125_050116030001_A01f00": {"gene": "gabra3 targeted", "group": "050116030001_A01"},
        "AS_09125_050117080014_A01f00": {"gene": "mapk11 targeted"},  # plate 15 of the sheet, not 14
        "AS_09125_050117080014_A02f00": {"channels": ("nucleus", "actin"), "planes": (0, 0)},
    }
    groups = 6
    repeated = (("AS_09125_050117080001_A01f00", "AS_09125_050117080001_A01f05"),)
    batches = 3
    notes = {
        "rows without a file": 1,
        "images with channels missing": 1,
        NOT_CLONED: 1,
    }
    missing_files = {FIRST.format(2): "images with channels missing"}
    unknown_files = {"NIRHTa+001/overview.DIB": "files without a known name"}

    def tree(self, root: Path) -> None:
        write_xlsx(root / "BBBC017_v1_metadata.xlsx", SHEET)
        for folder, plate, wells in PLATES:
            for well in wells:
                for channel in "012":
                    write_dib(root / f"{folder}/AS_09125_{plate}_{well}f00d{channel}.DIB")
        for channel in "012":
            write_dib(root / FIRST.replace("f00", "f05").format(channel))
        (root / "NIRHTa+014/AS_09125_050117080014_A02f00d1.DIB").unlink()

    def test_no_plate_folder(self, tmp_path: Path) -> None:
        """Without its plate folder an image has no gene.

        The image stays, and its files are counted.
        """
        write_xlsx(tmp_path / "BBBC017_v1_metadata.xls", SHEET)
        for channel in "012":
            write_dib(tmp_path / FIRST.format(channel).rpartition("/")[2])
        folder = Folder.listed(str(tmp_path))
        (image,) = self.read(folder).values()
        assert (image.key, image.gene) == ("AS_09125_050117080001_A01f00", None)
        assert folder.notes.counts["files without a plate folder (NIRHTa+001 ...), without gene"] == 3

    def test_not_a_workbook(self, tmp_path: Path) -> None:
        write_text(tmp_path / "BBBC017_v1_metadata.xls", "<html>moved</html>")
        with pytest.raises(LayoutError, match=r"BBBC017_v1_metadata\.xls: no Excel workbook"):
            self.read(Folder.listed(str(tmp_path)))

    @pytest.mark.real
    def test_real_rows(self, real_data: Path) -> None:
        """The real sheet, without images.

        All rows but those of plate 14 lack their files.
        """
        folder = Folder.listed(str(real_data / self.dir_name))
        assert self.read(folder) == {}
        assert folder.notes.counts == {"rows without a file": 5_760 - 384, NOT_CLONED: 395 - 19}
        columns = ("384-Plate#", "384-well", "gene name", "ProdStatus")
        rows = [row for _, row in read_sheet(folder, ("BBBC017_v1_metadata.xls",), columns)]
        genes = {(plate, well): gene for plate, well, gene, _ in rows}
        assert len(genes) == 5_760
        assert genes["1", "A01"] == "Gabra3"
        assert genes["1", "A02"] == "MAPK11"
        made = {normalize("gene", gene) for plate, _, gene, made in rows if plate != "14" and made != "failedToClone"}
        assert len(made - {None}) == self.source.expected_tokens["gene"]
        assert Counter(genes.values())["EMPTY"] == 329
        assert Counter(genes.values())["shLuc"] == 224
