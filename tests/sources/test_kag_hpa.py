from __future__ import annotations

from pathlib import Path

from builder.sources import get_source
from builder.sources.common.folder import Folder
from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv, write_image

_A = "00070df0-bbc3-11e8-b2bc-ac1f6b6435d0"
_B = "000a6c98-bb9b-11e8-b2b9-ac1f6b6435d0"
_C = "000a9596-bbc4-11e8-b2bc-ac1f6b6435d0"
_D = "00008af0-bad0-11e8-b2b8-ac1f6b6435d0"  # of the test set
_NONE = "ffffffff-bad0-11e8-b2b8-ac1f6b6435d0"
_COLOURS = ("red", "green", "blue", "yellow")


class TestHpa(SourceTestCase):
    dir_name = "kag_hpa"
    count = 13
    channel_orders = (("nucleus",), ("microtubules",), ("er",), ("protein",))
    tokens = {
        "organism": {"human": 13},
        "cell_visible": {
            "nucleus": 4,
            "microtubules": 3,
            "er": 3,
            "cytokinetic bridge": 1,
            "nucleoplasm": 2,
            "nuclear membrane": 1,
            "golgi": 1,
            "nucleoli": 1,
        },
    }
    rows = {
        f"{_A}_green": {"cell_visible": "cytokinetic bridge|nucleoplasm", "channels": ("protein",)},
        f"{_A}_blue": {"cell_visible": "nucleus", "microscopy": "confocal", "group": f"shared:hpa:{_A}"},
        f"{_A}_red": {"cell_visible": "microtubules", "cell_type": None},
        f"{_A}_yellow": {"cell_visible": "er", "group": f"shared:hpa:{_A}"},
        f"{_B}_green": {"cell_visible": "golgi|nuclear membrane|nucleoli|nucleoplasm"},  # all four
        f"{_D}_green": {"cell_visible": None, "organism": "human"},
    }
    groups = 4
    repeated = (tuple(f"{_A}_{colour}" for colour in _COLOURS),)
    batches = 0
    notes = {"rows without a file": 1}
    unknown_files = {
        f"train/{_A}_purple.png": "files without a known name",
    }
    missing_files = {f"train/{_C}_blue.png": "rows without a file", f"train/{_A}_red.png": None}
    real_count = 49
    real_rows = {
        "07b626cc-bbb8-11e8-b2ba-ac1f6b6435d0_blue": {"cell_visible": "nucleus"},
        "517a7ff6-bac8-11e8-b2b8-ac1f6b6435d0_green": {"cell_visible": None},
        "2266b284-bbc7-11e8-b2bc-ac1f6b6435d0_green": {"cell_visible": "centrosome|cytosol"},  # 19 25
        "2995dbf6-bbaa-11e8-b2ba-ac1f6b6435d0_green": {"cell_visible": "cytosol"},  # 25
        "29f11ef8-bbbe-11e8-b2ba-ac1f6b6435d0_green": {"cell_visible": "cell membrane"},  # 21
        "36d693ec-bba4-11e8-b2b9-ac1f6b6435d0_green": {"cell_visible": "lipid droplet"},  # 20
        "62e98788-bbb2-11e8-b2ba-ac1f6b6435d0_green": {"cell_visible": "nucleoplasm"},  # 0
        "75b8f232-bbb6-11e8-b2ba-ac1f6b6435d0_green": {"cell_visible": "mitochondria"},  # 23
        "a78db2d8-bb99-11e8-b2b9-ac1f6b6435d0_green": {"cell_visible": "nuclear body"},  # 5
        "0e20a772-bbbc-11e8-b2ba-ac1f6b6435d0_red": {"cell_visible": "microtubules"},  # 0
    }

    def tree(self, root: Path) -> None:
        for field in (_A, _B):
            for colour in _COLOURS:
                write_image(root / "train" / f"{field}_{colour}.png")
        write_image(root / "train" / f"{_C}_blue.png")
        for colour in _COLOURS:
            write_image(root / "test" / f"{_D}_{colour}.png")
        rows = [(_A, "16 0"), (_B, "7 1 2 0"), (_C, "5"), ("000c99ba-bba4-11e8-b2b9-ac1f6b6435d0", "1")]
        write_csv(root / "train.csv", ["Id", "Target"], rows)
        write_csv(root / "sample_submission.csv", ["Id", "Predicted"], [(_D, "0")])


def test_unknown_class_numbers_are_named(tmp_path: Path) -> None:
    write_image(tmp_path / f"{_A}_green.png")
    write_csv(tmp_path / "train.csv", ["Id", "Target"], [(_A, "28 13")])
    folder = Folder.listed(str(tmp_path))
    (image,) = get_source("kag_hpa").images(folder)
    assert image.cell_visible == "focal adhesion sites"
    assert folder.notes.examples == {"class numbers without a name": [f"train.csv: {_A} 28"]}


def test_files_without_a_row_are_named(tmp_path: Path) -> None:
    """Without a row, only the protein's place is unknown.

    The three other stains show what they always show.
    """
    for colour in _COLOURS:
        write_image(tmp_path / f"{_NONE}_{colour}.png")
    write_csv(tmp_path / "train.csv", ["Id", "Target"], [(_A, "0")])
    folder = Folder.listed(str(tmp_path))
    shown = {image.key.rpartition("_")[2]: image.cell_visible for image in get_source("kag_hpa").images(folder)}
    assert shown == {"red": "microtubules", "green": None, "blue": "nucleus", "yellow": "er"}
    assert folder.notes.counts == {
        "files without a row": 4,
        "rows without a file": 1,
        "tables of which no row is of a file": 1,
    }
