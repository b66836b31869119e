from __future__ import annotations

from pathlib import Path

from builder.sources.common.folder import Folder
from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv, write_tiff

STAINS = {"ER": "2", "Hoechst": "1", "Mito": "5", "Ph_golgi": "4", "Syto": "3"}  # in the order of the table's columns
SHOWS = ("er", "nucleus", "mitochondria", "actin + golgi", "nucleoli")
HEADER = (
    "ImageNumber",
    *(f"Image_FileName_Orig{stain}" for stain in STAINS),
    "Image_Metadata_ASSAY_WELL_ROLE",
    "Image_Metadata_CPD_WELL_POSITION",
    "Image_Metadata_PlateID",
    "Image_Metadata_SOURCE_COMPOUND_NAME",
    "Image_Metadata_Site",
    *(f"Image_PathName_Orig{stain}" for stain in STAINS),
)
FIELDS = (
    ("20585", "A01", 1, "NIFLUMIC ACID"),
    ("20585", "A01", 2, "NIFLUMIC ACID"),
    ("20646", "P24", 9, ""),
    ("20646", "A01", 1, "calyculin A"),
)


def name(plate: str, well: str, site: int, channel: str) -> str:
    return f"IXMtest_{well}_s{site}_w{channel}64FBEEF7-F77C-4892-86F5-72D0160{plate}.tif"


def path(plate: str, well: str, site: int, channel: str) -> str:
    return f"BBBC022_v1_images_{plate}w{channel}/{name(plate, well, site, channel)}"


class TestBbbc022(SourceTestCase):
    dir_name = "bbbc022"
    count = 5
    channel_orders = (SHOWS,)
    tokens = {
        "organism": {"human": 5},
        "cell_type": {"u2os": 5},
        "cell_visible": dict.fromkeys(("er", "nucleoli", "actin", "golgi", "mitochondria"), 4) | {"nucleus": 5},
        "compound": {"niflumic acid": 2, "calyculin a": 1, "dmso": 1},
    }
    rows = {
        "20585_A01_s1": {
            "compound": "niflumic acid",
            "files": tuple(path("20585", "A01", 1, channel) for channel in "21543"),
            "channels": SHOWS,
            "cell_visible": "er|nucleus|mitochondria|actin|golgi|nucleoli",
            "group": "20585_A01",
            "batch": "20585",
            "well": "A01",
            "control": None,
            "pixel_size_um": 0.656,
        },
        "20646_P24_s9": {"compound": "dmso", "control": "negative", "group": "20646_P24"},
        "20646_A01_s1": {"compound": "calyculin a", "microscopy": "fluorescence"},
        "20646_B02_s3": {"compound": None, "channels": ("nucleus",), "cell_visible": "nucleus"},
    }
    groups = 4
    repeated = (("20585_A01_s1", "20585_A01_s2"),)
    batches = 2
    notes = {"files without a row": 1, "images with channels missing": 1, "rows without a file": 1, "malformed rows": 1}
    unknown_files = {
        "BBBC022_v1_images_20585w1/overview.tif": "files without a known name",
        f"more/{path('20585', 'A01', 1, '1')}": "second files of one channel of one field, left out",
    }
    missing_files = {path("20585", "A01", 1, "1"): "images with channels missing"}
    real_count = 2
    real_rows = {
        "20585_A01_s1": {"compound": "niflumic acid", "channels": ("nucleus",), "group": "20585_A01"},
        "20585_A01_s2": {"compound": "niflumic acid", "cell_type": "u2os"},
    }

    def tree(self, root: Path) -> None:
        for plate, well, site, _ in FIELDS:
            for channel in "12345":
                write_tiff(root / path(plate, well, site, channel))
        write_tiff(root / path("20646", "B02", 3, "1"))
        self.table(root / "BBBC022_v1_image.csv")

    def table(self, where: Path) -> None:
        fields = (*FIELDS, ("20646", "C03", 1, "no image"))
        rows = [
            (
                number,
                *(name(plate, well, site, channel) for channel in STAINS.values()),
                "compound" if compound else "mock",
                well,
                plate,
                compound,
                site,
                *[f"{plate}/"] * 5,
            )
            for number, (plate, well, site, compound) in enumerate(fields)
        ]
        write_csv(where, HEADER, [*rows, (*rows[0], "2,4-dioxo")])

    def test_unpacked_into_one_folder(self, tmp_path: Path) -> None:
        """Without folders, the table tells a file's plate.

        A file that is not in the table is counted.
        """
        self.table(tmp_path / "BBBC022_v1_image.csv")
        for plate, well, site, _ in FIELDS:
            for channel in "12345":
                write_tiff(tmp_path / name(plate, well, site, channel))
        write_tiff(tmp_path / name("20646", "B02", 3, "1"))
        folder = Folder.listed(str(tmp_path))
        images = self.read(folder)
        assert sorted(images) == ["20585_A01_s1", "20585_A01_s2", "20646_A01_s1", "20646_P24_s9"]
        assert images["20646_A01_s1"].compound == "calyculin A"
        assert [channel.structure for channel in images["20585_A01_s1"].channels] == list(SHOWS)
        assert folder.notes.counts["files without a known plate"] == 1
