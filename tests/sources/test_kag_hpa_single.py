from __future__ import annotations

from pathlib import Path

from builder.sources import get_source
from builder.sources.folder import Folder
from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv, write_picture

_A = "5c27f04c-bb99-11e8-b2b9-ac1f6b6435d0"
_B = "5fb643ee-bb99-11e8-b2b9-ac1f6b6435d0"
_C = "60b57878-bb99-11e8-b2b9-ac1f6b6435d0"
_D = "5c1a898e-bb99-11e8-b2b9-ac1f6b6435d0"


class TestHpaSingle(SourceTestCase):
    dir_name = "kag_hpa_single"
    count = 6
    channel_orders = (("nucleus",), ("microtubules",), ("er",), ("protein",))
    tokens = {
        "organism": {"human": 6},
        "cell_visible": {
            "intermediate filament": 1,
            "nuclear body": 1,
            "nucleoplasm": 1,
            "vesicle": 1,
            "nucleus": 1,
            "golgi": 1,
        },
    }
    rows = {
        f"{_A}_green": {"cell_visible": "intermediate filament|nuclear body|nucleoplasm", "planes": (0,)},
        f"{_A}_blue": {"cell_visible": "nucleus", "group": f"shared:hpa:{_A}", "microscopy": "confocal"},
        f"{_B}_green": {"cell_visible": "vesicle", "group": f"shared:hpa:{_B}"},  # 17|17
        f"{_C}_green": {"cell_visible": None},  # 18, negative
        f"{_D}_green": {"cell_visible": "golgi"},  # er and golgi: the first of the common ones goes
        "11111111-bb99-11e8-b2b9-ac1f6b6435d0_green": {"cell_visible": None},
    }
    strangers = {f"train/{_A}.png": "files without a known name"}
    losses = {f"train/{_C}_green.png": "rows without a file"}

    def tree(self, root: Path) -> None:
        write_picture(root / "train" / f"{_A}_blue.png", dtype="uint16")
        for field in (_A, _B, _C, _D):
            write_picture(root / "train" / f"{field}_green.png", dtype="uint16")
        write_picture(root / "test" / "11111111-bb99-11e8-b2b9-ac1f6b6435d0_green.png")
        write_csv(root / "train.csv", ["ID", "Label"], [(_A, "8|5|0"), (_B, "17|17"), (_C, "18"), (_D, "6|7")])


def test_fields_are_shared_with_the_first_competition(tmp_path: Path) -> None:
    groups = []
    for name, header, label in (("kag_hpa", ["Id", "Target"], "0 25"), ("kag_hpa_single", ["ID", "Label"], "0|16")):
        write_picture(tmp_path / name / "train" / f"{_A}_green.png")
        write_csv(tmp_path / name / "train.csv", header, [(_A.upper(), label)])
        (image,) = get_source(name).images(Folder.listed(str(tmp_path / name)))
        assert image.cell_visible == "nucleoplasm|cell body"
        groups.append(image.group)
    assert groups == [f"shared:hpa:{_A}"] * 2
