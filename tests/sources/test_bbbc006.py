from __future__ import annotations

from pathlib import Path

from builder.sources.common.folder import Folder
from tests.sources.case import SourceTestCase
from tests.sources.case_checks import signatures
from tests.sources.files import write_csv, write_image, write_tiff

BEST = "BBBC006_v1_images_z_16"
FIELDS = ("a01_s1", "a01_s2", "p24_s1")
UUID = "c4ea9a91-6aa9-4dd0-a084-90a3d3c95c{:02x}"


def name(field: str, stain: int, plane: int) -> str:
    return f"mcf-z-stacks-03212011_{field}_w{stain}{UUID.format(plane)}.tif"


class TestBbbc006(SourceTestCase):
    dir_name = "bbbc006"
    count = 6
    channel_orders = (("nucleus",), ("actin",))
    tokens = {"organism": {"human": 6}, "cell_type": {"u2os": 6}, "cell_visible": {"nucleus": 3, "actin": 3}}
    rows = {
        "03212011_a01_s1_w1": {
            "files": (f"{BEST}/{name('a01_s1', 1, 16)}",),
            "group": "A01",
            "cell_visible": "nucleus",
            "batch": "03212011",
            "well": "A01",
            "z": 16,
        },
        "03212011_p24_s1_w2": {"channels": ("actin",), "group": "P24", "microscopy": "fluorescence"},
    }
    groups = 2
    repeated = (("03212011_a01_s1_w1", "03212011_a01_s1_w2", "03212011_a01_s2_w1"),)
    batches = 1
    notes = {"focal planes farther from the best one, left out": 2}
    unknown_files = {f"{BEST}/mcf-z-stacks-03212011_a01_s1.tif": "files without a known name"}
    missing_files = {f"{BEST}/{name('p24_s1', 2, 16)}": None}
    real_count = 3
    real_rows = {
        "03212011_a01_s1_w1": {"cell_visible": "nucleus", "group": "A01", "cell_type": "u2os", "z": 0},
        "03212011_e24_s2_w1": {"cell_visible": "nucleus", "group": "E24", "organism": "human"},
        "03212011_p24_s2_w1": {"cell_visible": "nucleus", "group": "P24", "microscopy": "fluorescence"},
    }

    def tree(self, root: Path) -> None:
        for field in FIELDS:
            for stain in (1, 2):
                write_tiff(root / BEST / name(field, stain, 16))
        for stain in (1, 2):
            write_tiff(root / "BBBC006_v1_images_z_00" / name("a01_s1", stain, 0))
        write_image(root / "BBBC006_v1_labels/mcf-z-stacks-03212011_a01_s1.png")
        header = ("Image_Count_Nuclei", "Image_FileName_OrigDAPI", "Image_Metadata_Site", "Image_Metadata_Well")
        write_csv(root / "BBBC006_v1_counts.csv", header, [(7, "mcf-z.tif", 1, "a01", "")])

    def test_nearest_plane(self, tmp_path: Path) -> None:
        """Without plane 16 the nearest is taken.

        17 before 15, 15 before 18.
        """
        for planes, best in (((0, 33, 12), 12), ((15, 17), 17), ((18, 15), 15)):
            root = tmp_path / str(best)
            for plane in planes:
                write_tiff(root / f"BBBC006_v1_images_z_{plane:02d}" / name("a01_s1", 1, plane))
            images = self.read(Folder(str(root), signatures(root)))
            assert [image.channels[0].path for image in images.values()] == [
                f"BBBC006_v1_images_z_{best:02d}/{name('a01_s1', 1, best)}"
            ]
