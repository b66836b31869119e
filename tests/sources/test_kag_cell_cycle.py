from __future__ import annotations

from pathlib import Path

import pytest

from builder.sources import get_source
from builder.sources.common.folder import Folder
from tests.sources.alike import same_in_other_groups
from tests.sources.case import SourceTestCase
from tests.sources.files import write_image

_FOLDER = "nematode cells/nematode cells"


class TestCellCycle(SourceTestCase):
    dir_name = "kag_cell_cycle"
    count = 4
    channel_orders = (("light",),)
    tokens = {
        "organism": {"nematode": 4},
        "cell_visible": {"nucleus": 4},
        "phenotype": {"interphase": 2, "mitosis": 2},
    }
    rows = {
        f"{_FOLDER}/interphase/IMG_1667-1.jpg": {"phenotype": "interphase", "group": "slide", "microscopy": "light"},
        f"{_FOLDER}/interphase/IMG_1681-3.jpg": {"phenotype": "interphase", "group": "slide", "cell_type": None},
        f"{_FOLDER}/mitosis/IMG_1681-3.jpg": {"phenotype": "mitosis", "single_object": True, "organism": "nematode"},
        f"{_FOLDER}/mitosis/IMG_1681-12.jpg": {"phenotype": "mitosis", "channels": ("light",)},
    }
    groups = 1
    repeated = (
        (f"{_FOLDER}/interphase/IMG_1681-3.jpg", f"{_FOLDER}/mitosis/IMG_1681-3.jpg"),  # crops that may overlap
        (f"{_FOLDER}/interphase/IMG_1667-1.jpg", f"{_FOLDER}/interphase/IMG_1681-3.jpg"),  # photographs that may
    )
    batches = 0
    single_objects = 4
    unknown_files = {f"{_FOLDER}/overview.jpg": "files without a known name"}
    missing_files = {f"{_FOLDER}/mitosis/IMG_1681-3.jpg": None}
    real_count = 44
    real_rows = {
        f"{_FOLDER}/interphase/IMG_1667-1.jpg": {"phenotype": "interphase", "group": "slide"},
        f"{_FOLDER}/mitosis/IMG_1712-8.jpg": {"phenotype": "mitosis", "group": "slide"},
    }

    def tree(self, root: Path) -> None:
        for name in ("interphase/IMG_1667-1", "interphase/IMG_1681-3", "mitosis/IMG_1681-3", "mitosis/IMG_1681-12"):
            write_image(root / _FOLDER / f"{name}.jpg", (12, 12, 3))


@pytest.mark.real
def test_real_photographs_overlap(real_data: Path) -> None:
    """Other photographs show the same embryos, as pixels tell.

    So a photograph is too small a group.
    """
    root = real_data / "kag_cell_cycle"
    images = get_source("kag_cell_cycle").images(Folder.listed(str(root)))
    by_photograph = [image._replace(group=image.key.split("_")[1]) for image in images]
    found = {frozenset((one[-10:-4], other[-10:-4])) for _, one, other in same_in_other_groups(root, by_photograph)}
    assert found >= {frozenset(pair) for pair in (("1681-9", "1682-8"), ("1681-1", "1682-7"), ("1681-8", "1682-9"))}
