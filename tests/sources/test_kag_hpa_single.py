from __future__ import annotations

from pathlib import Path

import pytest

from builder.sources import get_source
from builder.sources.common.folder import Folder
from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv, write_image
from tests.sources.named import rows_of

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
            "er": 1,
        },
    }
    rows = {
        f"{_A}_green": {"cell_visible": "intermediate filament|nuclear body|nucleoplasm", "planes": (0,)},
        f"{_A}_blue": {"cell_visible": "nucleus", "group": f"shared:hpa:{_A}", "microscopy": "confocal"},
        f"{_B}_green": {"cell_visible": "vesicle", "group": f"shared:hpa:{_B}"},  # 17|17
        f"{_C}_green": {"cell_visible": None},  # 18, negative
        f"{_D}_green": {"cell_visible": "er|golgi"},
        "11111111-bb99-11e8-b2b9-ac1f6b6435d0_green": {"cell_visible": None},
    }
    groups = 5
    repeated = ((f"{_A}_blue", f"{_A}_green"),)
    batches = 0
    unknown_files = {f"train/{_A}.png": "files without a known name"}
    missing_files = {f"train/{_C}_green.png": "rows without a file"}

    def tree(self, root: Path) -> None:
        write_image(root / "train" / f"{_A}_blue.png", dtype="uint16")
        for field in (_A, _B, _C, _D):
            write_image(root / "train" / f"{field}_green.png", dtype="uint16")
        write_image(root / "test" / "11111111-bb99-11e8-b2b9-ac1f6b6435d0_green.png")
        write_csv(root / "train.csv", ["ID", "Label"], [(_A, "8|5|0"), (_B, "17|17"), (_C, "18"), (_D, "6|7")])


def test_fields_are_shared_with_the_first_competition(tmp_path: Path) -> None:
    groups = []
    for name, header, label in (("kag_hpa", ["Id", "Target"], "0 25"), ("kag_hpa_single", ["ID", "Label"], "0|16")):
        write_image(tmp_path / name / "train" / f"{_A}_green.png")
        write_csv(tmp_path / name / "train.csv", header, [(_A.upper(), label)])
        (image,) = get_source(name).images(Folder.listed(str(tmp_path / name)))
        assert image.cell_visible == "nucleoplasm|cytosol"
        groups.append(image.group)
    assert groups == [f"shared:hpa:{_A}"] * 2


@pytest.mark.real
def test_real_table(real_data: Path) -> None:
    """Ten rows of the real table, translated by hand."""
    root = real_data / "kag_hpa_single"
    located = {
        "0d1ec038-bbae-11e8-b2ba-ac1f6b6435d0": "golgi",  # 7
        "98be9d36-bbb6-11e8-b2ba-ac1f6b6435d0": "vesicle|nucleoplasm",  # 17|0
        "ac28b22a-bbc6-11e8-b2bc-ac1f6b6435d0": "golgi|nucleoplasm",  # 7|0
        "60bfc742-bb99-11e8-b2b9-ac1f6b6435d0": "nuclear body",  # 5
        "c525b2d8-bbc0-11e8-b2bb-ac1f6b6435d0": "nucleoplasm",  # 0
        "4e9dd8b0-bbad-11e8-b2ba-ac1f6b6435d0": "cytosol|nucleoplasm",  # 16|0
        "91697978-bb9a-11e8-b2b9-ac1f6b6435d0": "nucleoli|nucleoplasm",  # 2|0
        "22e3455a-bba5-11e8-b2ba-ac1f6b6435d0": "centrosome|nucleoplasm",  # 12|0
        "096dd0ee-bba1-11e8-b2b9-ac1f6b6435d0": "cytosol|cell membrane",  # 16|13
        "62f29c92-bbb7-11e8-b2ba-ac1f6b6435d0": "er",  # 6
    }
    rows = rows_of(root, "kag_hpa_single", [f"train/{field}_green.png" for field in located])
    assert {key.partition("_")[0]: row["cell_visible"] for key, row in rows.items()} == located
