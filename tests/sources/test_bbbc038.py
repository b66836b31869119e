from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv, write_image

IDS = ["0a" * 32, "1b" * 32, "2c" * 32]
TILES = (  # the first photograph of the table
    "00071198d059ba7f5914a526d124d28e6d010c92466da21d4a04cd5413362552",
    "4c465a54e329ec7b0f4bc5f6acdfd3192707d6c0fbdf557339485581c5a6b3c1",
)
MASK = "3d" * 32
REAL = (
    "21408476af0506331e8b5d49b385833e5ef1fbb90815fbf9af9d19b4bb145f76",
    "3477024fd843e46097840360f9cdee24b76bf5c593ed27a9aee7a5728a06aa51",
    "5b12df18e4ae4df5af06052584cf0e6bef58ee2a220653890636eef88a944e14",
    "5cc036b65f7f2d5480e2be111a561f3713ac021683a9a9138dc49492a29ce856",
    "84eeec681987753029eb83ea5f3ff7e8b5697783cdb2035f2882d40c9a3f1029",
    "9bf9f3dcadeb152a9a26b23e2fb199dcf9b2b17660b1646326f5b10cbf51eaee",
)


class TestBbbc038(SourceTestCase):
    """One part in its own folder, one in the root."""

    dir_name = "bbbc038"
    count = 5
    channel_orders = (("nucleus",),)
    tokens = {"cell_visible": {"nucleus": 5}}
    rows = {
        IDS[0]: {"files": (f"stage1_train/{IDS[0]}/images/{IDS[0]}.png",), "group": "unlisted"},
        IDS[2]: {"organism": None, "cell_visible": "nucleus", "microscopy": None, "batch": None},
    }
    groups = 2
    repeated = (TILES,)
    batches = 0
    notes = {"masks and ground truth, left out": 1, "images whose photograph is not known, one group": 3}
    unknown_files = {
        f"{IDS[0]}/images/preview.png": "files without a known name",
        f"{IDS[0]}/masks/{MASK}.png": "masks and ground truth, left out",
    }
    missing_files = {f"stage1_train/{IDS[0]}/images/{IDS[0]}.png": None}
    real_count = 6
    real_rows = {
        image_id: {
            "files": (f"stage1_train/{image_id}/images/{image_id}.png",),
            "cell_visible": "nucleus",
            "organism": None,
            "cell_type": None,
        }
        for image_id in REAL
    }

    def tree(self, root: Path) -> None:
        stages = ("stage1_train/", "stage1_train/", "", "stage1_train/", "")
        for image_id, stage in zip((*IDS, *TILES), stages, strict=True):
            write_image(root / f"{stage}{image_id}/images/{image_id}.png", (8, 9, 4))
        write_image(root / f"stage1_train/{IDS[0]}/masks/{MASK}.png")
        header = ("ImageId", "EncodedPixels", "Height", "Width", "Usage")
        write_csv(root / "stage2_solution_final.csv", header, [(IDS[2], "1 1", 10, 10, "Ignored")])
