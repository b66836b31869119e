from __future__ import annotations

from pathlib import Path

from builder.sources.base import MIDDLE_PLANE
from tests.sources.case import SourceTestCase
from tests.sources.files import write_text, write_tiff

CLASSES = "CD_CNT DCT TAL Nestin CD31glom CD31int S1S2 S2S3 CD45.0 CD45.1 CD45.2"


class TestBbbc051(SourceTestCase):
    """Two specimens, the first with every class.

    The second has one of them, under the same file name.
    """

    dir_name = "bbbc051"
    bare = False  # the folder may name the specimen
    count = 13
    channel_orders = (("nucleus",),)
    tokens = {
        "organism": {"human": 13},
        "cell_visible": {"nucleus": 13},
        "cell_type": {
            "collecting duct": 3,
            "distal convoluted tubule": 1,
            "thick ascending limb": 1,
            "podocyte": 1,
            "endothelial": 2,
            "proximal tubule segments": 2,
            "white blood cell": 3,
        },
    }
    rows = {
        "F33 cd_cnt object_38359_333__4395__44_1": {
            "cell_type": "collecting duct",
            "planes": (MIDDLE_PLANE,),
            "group": "F33",
            "batch": "F33",
            "microscopy": "confocal",
        },
        "F33 cd_cnt object_7_511__4100__40_1": {"group": "F33"},  # the next one, cut with overlap
        "F44 cd_cnt object_38359_333__4395__44_1": {"group": "F44"},
        "F33 cd45.1 object_38359_333__4395__44_1": {"cell_type": "white blood cell"},
    }
    groups = 2
    repeated = (("F33 cd_cnt object_38359_333__4395__44_1", "F33 cd_cnt object_7_511__4100__40_1"),)
    batches = 2
    single_objects = 13
    unknown_files = {"F33/unheard/All_3D/object_1_1__1__1_1.tif": "files without a known name"}
    missing_files = {"F44/CD_CNT/All_3D/object_38359_333__4395__44_1.tif": None}

    def tree(self, root: Path) -> None:
        for name in CLASSES.split():
            write_tiff(root / f"F33/{name}/All_3D/object_38359_333__4395__44_1.tif", (7, 32, 32), "uint8")
        write_tiff(root / "F33/CD_CNT/All_3D/object_7_511__4100__40_1.tif", (7, 32, 32), "uint8")
        write_tiff(root / "F44/CD_CNT/All_3D/object_38359_333__4395__44_1.tif", (7, 32, 32), "uint8")
        write_text(root / "groundtruthlabels.txt", "CD_CNT 1\n")
