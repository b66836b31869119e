"""``loader``: each image once an epoch.

The same order for a seed, exact resume, nodes that share an epoch.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pytest

import cytoimagenet
from cytoimagenet import PackageError, ShardError
from tests.loading.made_package import make_package, write_stream

torch = pytest.importorskip("torch")


def prints(batches: Iterable[Any]) -> list[tuple[int, bytes]]:
    """Return (label, pixels) of every image of some batches.

    In order.
    """
    return [(int(y), x.numpy().tobytes()) for images, labels in batches for x, y in zip(images, labels, strict=True)]


def load(package: Path, **options: Any) -> cytoimagenet.Loader:
    return cytoimagenet.loader(package, **{"batch_size": 16, "size": 24, "buffer": 50, "threads": 2, **options})


def expected(package: Path, size: int = 24) -> Counter[tuple[int, bytes]]:
    rows = cytoimagenet.open(package)
    return Counter((row["label"], np.asarray(row["image"].resize((size, size), 2)).tobytes()) for row in rows)


def test_batches_hold_every_image_once(package: Path) -> None:
    loader = load(package)
    batches = list(loader)
    images, labels = batches[0]
    assert (images.shape, images.dtype) == ((16, 1, 24, 24), torch.uint8)
    assert (labels.shape, labels.dtype) == ((16,), torch.int64)
    assert [len(y) for _, y in batches] == [16] * 13 + [8]
    assert len(batches) == 14
    assert Counter(prints(batches)) == expected(package)
    assert loader.epoch == 1


def test_order_depends_on_seed_and_epoch_only(package: Path) -> None:
    one = load(package, threads=1)
    first, second = prints(one), prints(one)
    for threads in (2, 5):
        other = load(package, threads=threads)
        assert prints(other) == first
        assert prints(other) == second
    assert first != second
    assert Counter(first) == Counter(second)
    assert prints(load(package, seed=1)) != first
    later = load(package)
    later.set_epoch(1)
    assert prints(later) == second


def test_without_shuffle_the_order_is_that_of_the_stream(package: Path, tmp_path: Path) -> None:
    got = [label for label, _ in prints(load(package, shuffle=False))]
    builder = cytoimagenet.CytoImageNet("full", data_dir=package, cache_dir=str(tmp_path))
    assert got == [row["label"] for row in builder.as_streaming_dataset(split="train")]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("taken", [0, 1, 3, 4, 9, 13, 14])
def test_resumes_exactly_after_any_batch(package: Path, shuffle: bool, taken: int) -> None:
    whole = load(package, shuffle=shuffle)
    both = [prints([batch]) for _ in range(2) for batch in whole]
    loader = load(package, shuffle=shuffle)
    running = iter(loader)
    for _ in range(taken):
        next(running)
    if taken == 14:
        assert next(running, None) is None
    state = json.loads(json.dumps(loader.state_dict()))
    again = load(package, shuffle=shuffle, threads=1)
    again.load_state_dict(state)
    rest = [prints([batch]) for batch in again]
    rest += [prints([batch]) for batch in again] if taken < 14 else []
    assert rest == both[taken:]


def test_a_state_of_another_order_is_refused(package: Path) -> None:
    state = load(package).state_dict()
    with pytest.raises(ValueError, match="of a loader with other data"):
        load(package, seed=2).load_state_dict(state)


@pytest.mark.parametrize("nodes", [1, 2, 3, 5])
def test_nodes_share_an_epoch(package: Path, nodes: int) -> None:
    loaders = [load(package, rank=rank, world_size=nodes) for rank in range(nodes)]
    seen: Counter[tuple[int, bytes]] = Counter()
    for loader in loaders:
        seen.update(prints(loader))
    assert seen == expected(package)
    equal = [load(package, rank=rank, world_size=nodes, drop_last=True) for rank in range(nodes)]
    lengths = [len(list(loader)) for loader in equal]
    assert len(set(lengths)) == 1
    assert lengths[0] * 16 * nodes > 216 - nodes * 16 - 16 * nodes


def test_a_batch_sees_most_classes(tmp_path: Path) -> None:
    classes = {"organism": ("o1", "o2"), "compound": tuple(f"c{i:03d}" for i in range(60))}
    folder = make_package(tmp_path, classes=classes, per_class={"train": 20, "validation": 1}, side=4, batch_rows=100)
    batches = [labels for _, labels in load(folder, batch_size=64, buffer=200, size=4)][:-1]
    distinct = np.mean([len(set(labels.tolist())) for labels in batches])
    random = 62 * (1 - (1 - 1 / 62) ** 64)  # classes in 64 draws with replacement
    assert distinct > 0.95 * random


def test_images_as_stored_and_only_some(package: Path) -> None:
    images, labels = next(iter(load(package, size=None, labels=["human"])))
    assert {tuple(image.shape) for image in images} <= {(40, 40 + 3 * i) for i in range(4)}
    assert labels.tolist() == [0] * 16
    assert load(package, size=None, labels=["human"]).classes == ["human"]


def test_a_damaged_image_is_named(package: Path, own_package: Callable[[], Path]) -> None:
    folder = own_package()
    shard = folder / "data/organism/train-00001-of-00003.arrow"
    table = pa.ipc.open_stream(shard.read_bytes()).read_all()
    rows = table.to_pylist()
    rows[5]["image"]["bytes"] = rows[5]["image"]["bytes"][:-40]
    write_stream(shard, pa.Table.from_pylist(rows, schema=table.schema), 7)
    with pytest.raises(ShardError, match=r"organism shard 1, example 5: .*damaged"):
        list(load(folder))


def test_bad_instructions(package: Path) -> None:
    with pytest.raises(ValueError, match=r"rank must lie in \[0, 2\)"):
        load(package, rank=2, world_size=2)
    with pytest.raises(ValueError, match="at least 1"):
        load(package, batch_size=0)
    with pytest.raises(PackageError, match="no split 'test'"):
        load(package, split="test")


@pytest.mark.parametrize("source", ["open", "load_dataset"])
def test_the_recipe_of_the_documentation_gives_the_same_images(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.chdir(package.parent)  # where the package is called "cytoimagenet"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    page = (Path(cytoimagenet.__file__).parent / "docs" / "load.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    at = next(n for n, block in enumerate(blocks) if "def collate" in block)
    code = blocks[at]
    if source == "load_dataset":
        definitions, _, _ = code.partition("cells = ")
        code = definitions + blocks[at + 1]
    found: list[Any] = []
    scope = {"cytoimagenet": cytoimagenet, "found": found}
    exec(code.replace("    ...", "    found.append((images, labels))"), scope)
    assert [tuple(images.shape) for images, _ in found] == [(64, 1, 224, 224)] * 3 + [(24, 1, 224, 224)]
    assert Counter(prints(found)) == expected(package, 224)
