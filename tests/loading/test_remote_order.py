"""Streams over HTTP equal what is on disk.

Row for row, however they are cut, shuffled, narrowed or resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

import cytoimagenet
from cytoimagenet import CytoImageNet
from cytoimagenet_reader.png.encoder import encode
from cytoimagenet_reader.remote import retrying
from cytoimagenet_reader.retry import Limits
from tests.loading.made_package import make_package
from tests.loading.server import Faults, serving


@pytest.fixture(scope="module", params=["arrow", "parquet"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make enough rows for several streams.

    The shards have several batches, within which streams begin and end.
    """
    return make_package(
        tmp_path_factory.mktemp("made") / "package",
        file_format=request.param,
        classes={"organism": ("human", "mouse"), "compound": tuple(f"c{i}" for i in range(7))},
        per_class={"train": 150, "validation": 1},
        shards={"train": 2, "validation": 1},
        batch_rows=20,
        side=6,
        encode=encode,
    )


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """Serve the package; every sixth request fails."""
    faults = Faults(every=6, busy=10**6, dropped=10**6, short=10**6)
    with pytest.MonkeyPatch.context() as patched, serving(folder, faults) as address:
        patched.setattr(retrying, "LIMITS", Limits(attempts=20, first_wait=0.001))
        yield address


def resumed(stream: Any) -> list[Any]:
    """Resume after 500 rows; return the rest.

    By a state that was kept there.
    """
    rows = iter(stream)
    for _ in range(500):
        next(rows)
    state = stream.state_dict()
    del rows
    stream.load_state_dict(state)
    return list(stream)


WAYS: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "whole": ({}, list),
    "filter": ({"labels": ["human", "c3", "c5"], "crops": True}, list),
    "sparse": ({"labels": ["c6"]}, list),
    "shuffled": ({}, lambda stream: list(stream.shuffle(seed=3, buffer_size=50))),
    "second epoch": ({}, lambda stream: (list(stream.take(1)), list(stream))),
    "a share": ({}, lambda stream: list(stream.shard(num_shards=2, index=1))),
    "shares of a shuffle": ({}, lambda stream: list(stream.shuffle(seed=1, buffer_size=9).shard(2, 0))),
    "skipped": ({}, lambda stream: list(stream.skip(777))),
    "taken": ({}, lambda stream: list(stream.take(333))),
    "resumed": ({}, resumed),
    "tables": ({}, lambda stream: [table.to_pylist() for table in stream.with_format("arrow").iter(90)]),
    "two at once": ({}, lambda stream: list(zip(stream, stream.skip(10), strict=False))),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_stream(url: str, folder: Path, tmp_path: Path, way: str) -> None:
    conditions, read = WAYS[way]
    found = []
    for place in (folder, url):
        columns = ["image", "label", "filename"]
        builder = CytoImageNet(data_dir=place, cache_dir=str(tmp_path), columns=columns, **conditions)
        stream = builder.as_streaming_dataset(split="train").cast_column("image", datasets.Image(decode=False))
        found.append(read(stream))
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({}, 0),
        ({"shuffle": False}, 0),
        ({"rank": 1, "world_size": 2}, 0),
        ({"rank": 2, "world_size": 3, "labels": ["human", "c1"]}, 0),
        ({}, 640),
        ({"shuffle": False}, 960),
        ({"buffer": 33, "seed": 5}, 320),
    ],
)
def test_a_loader(url: str, folder: Path, options: dict[str, Any], given: int) -> None:
    pytest.importorskip("torch")
    found = []
    for place in (folder, url):
        loader = cytoimagenet.loader(place, batch_size=32, size=4, threads=1, **{"buffer": 100, **options})
        ranks = options.get("world_size", 1)
        loader.load_state_dict({**loader.state_dict(), "levels": [[ranks, given]]})
        found.append([(images.numpy().tobytes(), labels.tolist()) for images, labels in loader])
    assert found[0] == found[1]
    assert found[0]
