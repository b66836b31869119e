"""Items come from the annotations, in their order.

Each has what its image was made from.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.engine.store import Store
from builder.schema import ANNOTATIONS
from builder.sources.base import Channel, Image, Region
from builder.sources.common.folder import Folder
from builder.stages import work_files
from builder.stages.annotate.rows import signature
from builder.stages.standardize import items
from builder.stages.standardize.item import Item


@pytest.fixture
def work(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    empty = {field.name: False if pa.types.is_boolean(field.type) else None for field in ANNOTATIONS}
    texts: dict[str, Any] = {"key": "", "database": "", "name": "", "dir_name": "s", "channels": "", "group": "g"}
    rows = [
        {
            **empty,
            **texts,
            "license": "",
            "idx": f"s-{n}",
            "files": [f"{n}.tif"],
            "planes": [n],
            "region": [0, n, 0, 4] if n % 2 else None,
            "size": [8, n] if n % 3 else None,
            "file_signature": 100 + n,
        }
        for n in range(10)
    ]
    with store.writing(work_files.annotations_path("s")) as file:
        pq.write_table(pa.Table.from_pylist(rows, ANNOTATIONS), file)
    return store


@pytest.mark.parametrize("batch", [3, 100])
def test_items_are_the_images_asked_for(work: Store, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "_READ_AT_ONCE", batch)
    asked = pa.table({"idx": [f"s-{n}" for n in (9, 4, 1)], "dir_name": ["s"] * 3, "crops": [0, 3, 2]})
    assert list(items.items_of(work, asked)) == [
        Item("s-1", "s", ("1.tif",), (1,), (0, 1, 0, 4), 2, 101, (8, 1)),
        Item("s-4", "s", ("4.tif",), (4,), None, 3, 104, (8, 4)),
        Item("s-9", "s", ("9.tif",), (9,), (0, 9, 0, 4), 0, 109, None),
    ]


def test_the_signature_tells_what_is_taken_of_the_files(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):  # of one size and time
        (tmp_path / name).write_bytes(b"x")
    stat = (tmp_path / "a.tif").stat()

    os.utime(tmp_path / "b.tif", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    folder = Folder.listed(str(tmp_path), {})
    plain = Image("k", (Channel("a.tif", "nucleus"),), "g")
    others = [
        plain._replace(channels=(Channel("b.tif", "nucleus"),)),
        plain._replace(channels=(Channel("a.tif", "nucleus", 1),)),
        plain._replace(region=Region(0, 1, 0, 1)),
        plain._replace(region=Region(0, 1, 0, 2)),
        plain._replace(size=(1, 1)),
        plain._replace(channels=(*plain.channels, *plain.channels)),
    ]
    assert len({signature(folder, image) for image in (plain, *others)}) == 1 + len(others)
    assert signature(folder, plain._replace(phenotype="other", key="l")) == signature(folder, plain)
