from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from builder.sources.common.folder import Folder, LayoutError
from tests.sources.case import SourceTestCase
from tests.sources.files import write_image, write_text

PNG = "2f9f400d-2d67-4118-aaa1-9094bc4b0e47"
JPG = "1e647046-333b-4102-a0c6-4c29405c37b3"


def box(category: str, r0: int, c0: int, r1: int, c1: int) -> dict[str, Any]:
    return {"bounding_box": {"minimum": {"r": r0, "c": c0}, "maximum": {"r": r1, "c": c1}}, "category": category}


def entry(name: str, *boxes: dict[str, Any]) -> dict[str, Any]:
    shape = {"r": 40, "c": 60, "channels": 3}
    return {
        "image": {
            "checksum": hashlib.md5(name.removeprefix("copy of ").encode()).hexdigest(),
            "pathname": f"/images/{name}",
            "shape": shape,
        },
        "objects": list(boxes),
    }


class TestBbbc041(SourceTestCase):
    dir_name = "bbbc041"
    count = 7
    channel_orders = (("brightfield",),)
    tokens = {
        "organism": {"human": 7},
        "cell_type": {"red blood cell": 3, "white blood cell": 1, "trophozoite": 1, "gametocyte": 1},
    }
    rows = {
        f"{PNG}_1": {
            "region": (2, 30, 1, 20),
            "size": (60, 40),
            "group": PNG,
            "cell_type": "red blood cell",
            "microscopy": "brightfield",
        },
        f"{PNG}_2": {"region": (50, 60, 0, 12), "cell_type": "white blood cell"},  # over the border on two sides
        f"{PNG}_3": {"cell_type": None},  # difficult
        f"{PNG}_5": {"cell_type": "trophozoite"},  # the fourth is empty and counts
        f"{JPG}_1": {"files": (f"malaria/images/{JPG}.jpg",), "group": JPG, "single_object": True},
        f"copy of {JPG}_1": {"group": JPG},  # the same MD5
    }
    groups = 2
    repeated = ((f"{PNG}_1", f"{PNG}_2"), (f"{JPG}_1", f"copy of {JPG}_1"))
    batches = 0
    single_objects = 7
    notes = {"empty boxes": 1, "rows without a file": 1, "files without a row": 1, "malformed entries": 2}
    unknown_files = {"malaria/images/unlisted.png": "files without a row"}
    missing_files = {f"malaria/images/{JPG}.jpg": "rows without a file"}
    climbing = ("malaria/test.json", f"/images/{JPG}.jpg", "/../../outside.jpg")
    real_count = 22 + 69 + 52
    real_rows = {
        "2f9f400d-2d67-4118-aaa1-9094bc4b0e47_1": {"region": (322, 449, 660, 788), "cell_type": "red blood cell"},
        "2f9f400d-2d67-4118-aaa1-9094bc4b0e47_2": {"region": (738, 859, 255, 382), "organism": "human"},
        "0f2a6cda-afec-437b-8803-8d3176b072c1_1": {"region": (703, 828, 799, 930)},
        "0f2a6cda-afec-437b-8803-8d3176b072c1_2": {"region": (1287, 1400, 239, 350)},
        "1e647046-333b-4102-a0c6-4c29405c37b3_1": {"region": (1688, 1814, 587, 706), "group": JPG},
        "1e647046-333b-4102-a0c6-4c29405c37b3_2": {"files": (f"malaria/images/{JPG}.jpg",)},
    }

    def tree(self, root: Path) -> None:
        for name in (f"{PNG}.png", f"{JPG}.jpg", f"copy of {JPG}.jpg", "nobody.png"):
            write_image(root / "malaria/images" / name, (40, 60, 3))
        training = [
            entry(
                f"{PNG}.png",
                box("red blood cell", 1, 2, 20, 30),
                box("leukocyte", -3, 50, 12, 64),
                box("difficult", 0, 0, 9, 9),
                box("ring", 5, 5, 5, 9),
                box("trophozoite", 5, 5, 9, 9),
                {"category": "ring"},
            ),
            entry("gone.png", box("ring", 0, 0, 9, 9)),
            {"image": None},
        ]
        test = [
            entry(f"{JPG}.jpg", box("red blood cell", 0, 0, 9, 9), box("gametocyte", 9, 9, 18, 18)),
            entry(f"copy of {JPG}.jpg", box("red blood cell", 0, 0, 9, 9)),
        ]
        write_text(root / "malaria/training.json", json.dumps(training))
        write_text(root / "malaria/test.json", json.dumps(test))

    def test_images_without_lists(self, copy: Path) -> None:
        for name in ("training", "test"):
            (copy / f"malaria/{name}.json").unlink()
        with pytest.raises(LayoutError, match=r"training\.json and test\.json; found 4 images"):
            self.read(Folder.listed(str(copy)))
