from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from builder.sources import idr0016
from builder.sources.common.folder import Folder
from tests.sources.case_checks import signatures
from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import LINKED, IdrTestCase

_BATCH = "2016-02-19-screens-cellimagelibrary"
_FOLDERS = {"Mito": 5, "Hoechst": 1, "ERSytoBleed": 3, "ERSyto": 2, "Ph_golgi": 4}
_STAINS = ("mitochondria", "nucleus", "nucleoli + cytoplasmic rna", "er", "golgi + cell membrane")


def _file(plate: int, folder: str, well: str, site: int, tag: str = "cdp2bioactives", batch: str = _BATCH) -> str:
    unique = uuid.uuid5(uuid.NAMESPACE_OID, f"{plate}{folder}{well}{site}")  # another one for each channel
    return f"{batch}/{plate}-{folder}/{tag}_{well}_s{site}_w{_FOLDERS[folder]}{unique}.tif"


class TestIdr0016(IdrTestCase):
    dir_name = "idr0016"
    count = 6
    channel_orders = (_STAINS,)
    tokens = {
        "organism": {"human": 6},
        "cell_type": {"u2os": 6},
        "cell_visible": {
            **dict.fromkeys(("mitochondria", "nucleus", "er", "golgi", "cell membrane"), 6),
            **dict.fromkeys(("nucleoli", "cytoplasmic rna"), 6),
        },
        "compound": {"mammea a/ba": 2, "dmso": 1, "brd-k12345678": 1},
    }
    rows = {
        "24278_A01_s2": {
            "compound": "mammea a/ba",
            "group": "24278_A01",
            "channels": _STAINS,
            "files": tuple(_file(24278, folder, "a01", 2) for folder in _FOLDERS),
            "microscopy": "fluorescence",
        },
        "24278_C15_s1": {"compound": "dmso", "control": "negative", "well": "C15", "batch": "24278"},
        "25723_A01_s2": {"compound": None},  # of this site there is one file a channel
        "26796_P24_s6": {
            "compound": "brd-k12345678",  # no name
            "files": tuple(_file(26796, f, "p24", 6, "cdp2w10-au00012345", "2017-07-14-new") for f in _FOLDERS),
        },
        "26796_A01_s1": {"compound": None, "cell_type": "u2os"},  # no row
    }
    groups = 5
    repeated = (("24278_A01_s1", "24278_A01_s2"),)
    batches = 3
    notes = {
        # plate 25723 was imaged twice: which files of a01, site 1, belong together, no name tells
        "files of fields with several acquisitions that names do not tell apart, left out": 2 * 5,
        "files of bbbc022, a source of its own": 1,
        "files without a row": 5 + 5,
        "rows without a file": 2,
    }
    unknown_files = {
        f"{_BATCH}/24278-Mito/cdp2bioactives_a01_s1_w6x.tif": "files without a known name",
        f"{_BATCH}/summary.tif": "files in no known plate folder",
        f"copy/{_file(24278, 'Mito', 'a01', 1)}": "second files of one channel of one field, left out",
    }
    missing_files = {_file(24278, "ERSyto", "c15", 1): "images with channels missing"}
    joined = {
        _file(20585, "Mito", "a01", 1): {"compound": "niflumic acid"},
        _file(20585, "Mito", "a02", 1): {"compound": "vitexin"},
        _file(20585, "Mito", "a08", 1): {"compound": "benzamil"},
        _file(20585, "Mito", "c15", 1): {"compound": "dmso"},
        _file(20585, "Mito", "l07", 1): {"compound": "dmso"},
        _file(20586, "Mito", "b13", 1): {"compound": "dmso"},
        _file(20586, "Mito", "i07", 1): {"compound": "cabergoline"},
        _file(20608, "Mito", "c13", 1): {"compound": "piceatannol"},
        _file(20625, "Mito", "f15", 1): {"compound": "no-711"},
        _file(20646, "Mito", "c12", 1): {"compound": "dmso", "group": "20646_C12"},
    }

    @pytest.fixture(autouse=True)
    def _keep_bbbc022(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        """Keep the plates that have moved, for their real table.

        It is an old one, and the only real table at hand.
        """
        if request.node.name == "test_real_tables":
            monkeypatch.setattr(idr0016, "_BBBC022", ())

    def tree(self, root: Path) -> None:
        for folder in _FOLDERS:
            for well, site in (("a01", 1), ("a01", 2), ("c15", 1)):
                write_tiff(root / _file(24278, folder, well, site))
            for well, site in (("p24", 6), ("a01", 1)):
                write_tiff(root / _file(26796, folder, well, site, "cdp2w10-au00012345", "2017-07-14-new"))
        for folder in _FOLDERS:
            write_tiff(root / _file(25723, folder, "a01", 1, "cdp2w12"))
            write_tiff(root / _file(25723, folder, "a01", 1, "cdp2w12").replace(".tif", "0.tif"))
            write_tiff(root / _file(25723, folder, "a01", 2, "cdp2w12"))
        write_tiff(root / "2016-01-19-screens-bbbc022/20585-Mito/IXMtest_A01_s1_w58DA6AF62.tif")
        header = ["Plate", "Well", f"Compound Name{LINKED}", "Compound Broad Identifier Short", "Control Type"]
        write_csv(
            root / "metadata/idr0016-screenA-annotation.csv",
            header,
            [
                (24278, "A1", "mammea A/BA", "BRD-K1", ""),
                (24278, "C15", "DMSO", "", "negative control"),
                (24278, "D1", "Vitexin", "BRD-A41941932", ""),  # no file
                (26796, "P24", "", "BRD-K12345678", ""),
                (99999, "A1", "DMSO", "", "negative control"),  # no file of the plate
            ],
        )

    def test_strange_names(self, root: Path) -> None:
        """Sites with a file of another name are left out.

        The file may be another acquisition. Other sites stay.
        """
        listed = signatures(root)
        whole = self.read(Folder(str(root), dict(listed)))
        first = whole["24278_A01_s1"].channels[0].path
        for spoilt in (first.replace(".tif", "b.tif"), f"elsewhere/24278-Mito/{first.rpartition('/')[2][:-4]}-2.tif"):
            folder = Folder(str(root), {**listed, spoilt: 1})
            assert self.read(folder) == {key: image for key, image in whole.items() if key != "24278_A01_s1"}
            assert sum(folder.notes.counts.values()) == sum(self.notes.values()) + 6
