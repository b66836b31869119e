"""What ``open`` returns behaves as any Dataset of the same rows, and reads only the shards that are used."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from datasets.table import InMemoryTable

import cytoimagenet
from cytoimagenet import ShardError

COLUMNS = ["image", "label", "idx", "crop", "scaling", "x_max", "organism"]
UNDECODED = datasets.Image(decode=False)


@pytest.fixture
def opened(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> datasets.Dataset:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    return cytoimagenet.open(package, columns=COLUMNS).cast_column("image", UNDECODED)


@pytest.fixture
def ordinary(package: Path) -> datasets.Dataset:
    """The same rows in memory, as a Dataset of ``datasets`` alone."""
    whole = cytoimagenet.open(package, columns=COLUMNS).cast_column("image", UNDECODED)
    return datasets.Dataset(InMemoryTable(whole.data.table), info=whole.info)


def with_number(row: dict[str, Any]) -> dict[str, Any]:
    return {"number": len(row["idx"]) + row["label"]}


ACTIONS: dict[str, Callable[[datasets.Dataset], datasets.Dataset]] = {
    "all": lambda d: d,
    "slice": lambda d: d.select(range(20, 130)).select(range(5, 60)),
    "nothing": lambda d: d.select(range(3, 3)),
    "rows": lambda d: d.select([200, 3, 3, 77]),
    "shuffle": lambda d: d.shuffle(seed=3).select(range(50)),
    "shard": lambda d: d.shard(5, 2, contiguous=True),
    "split": lambda d: d.train_test_split(0.3, seed=1)["test"],
    "sort": lambda d: d.sort("idx"),
    "columns": lambda d: d.select_columns(["label", "idx"]).rename_column("idx", "name"),
    "remove": lambda d: d.remove_columns(["image", "crop"]).select(range(9, 90)),
    "flatten": lambda d: d.flatten(),
    "cast": lambda d: d.select(range(70, 90)).cast_column("x_max", datasets.Value("float64")),
    "map": lambda d: d.map(with_number),
    "map in two processes": lambda d: d.map(with_number, num_proc=2),
    "filter": lambda d: d.filter(lambda row: row["label"] % 2 == 0),
    "add": lambda d: d.add_column("n", np.arange(len(d))).select(range(7, 30)),
    "concatenate": lambda d: datasets.concatenate_datasets([d, d.select(range(4))]),
    "side by side": lambda d: datasets.concatenate_datasets(
        [d.select_columns("label"), d.select_columns("idx")], axis=1
    ),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_it_does_what_an_ordinary_dataset_does(
    opened: datasets.Dataset, ordinary: datasets.Dataset, action: str
) -> None:
    got, wanted = ACTIONS[action](opened), ACTIONS[action](ordinary)
    assert got.features == wanted.features
    assert len(got) == len(wanted)
    assert got.shape == wanted.shape
    assert got[:] == wanted[:]
    assert list(got) == list(wanted)
    assert [got[i] for i in range(len(got))] == [wanted[i] for i in range(len(wanted))]
    again = pickle.loads(pickle.dumps(got))
    assert again[:] == wanted[:]
    assert list(got.iter(13)) == list(wanted.iter(13))
    if len(got):
        assert list(got.to_iterable_dataset(num_shards=2)) == list(wanted)


def test_rows_by_any_key(opened: datasets.Dataset, ordinary: datasets.Dataset) -> None:
    for key in (-1, -216, 215, np.int64(7), [5, 200, 5], range(3, 99, 7), slice(-9, None), slice(50, 20, -3), "label"):
        got, wanted = opened[key], ordinary[int(key) if isinstance(key, np.integer) else key]
        assert (list(got) if key == "label" else got) == (list(wanted) if key == "label" else wanted)
    assert opened.__getitems__([5, 200, 5]) == ordinary.__getitems__([5, 200, 5])
    for key in (216, -217, [0, 216]):
        with pytest.raises(IndexError):
            opened[key]


@pytest.mark.parametrize("kind", ["numpy", "arrow", "pandas"])
def test_other_formats(opened: datasets.Dataset, ordinary: datasets.Dataset, kind: str) -> None:
    columns = ["label", "idx"]
    for key in (3, [9, 180], slice(60, 90)):
        got, wanted = (d.with_format(kind, columns=columns)[key] for d in (opened, ordinary))
        assert str(got) == str(wanted)
    assert opened.with_format(None, columns=["idx"])[3] == {"idx": ordinary[3]["idx"]}


def test_pictures_are_decoded_where_the_features_say_so(package: Path) -> None:
    dataset = cytoimagenet.open(package)
    fast, usual = dataset[11], datasets.Dataset.__getitem__(dataset, 11)
    assert fast["image"] == usual["image"]
    assert {**fast, "image": None} == {**usual, "image": None}
    assert list(fast) == list(usual)


def test_only_what_is_used_is_read(own_package: Callable[[], Path]) -> None:
    folder = own_package()
    spoiled = folder / "data/organism/train-00001-of-00003.arrow"  # of rows 16 to 31
    size = spoiled.stat().st_size
    spoiled.write_bytes(bytes(size))
    dataset = cytoimagenet.open(folder, "organism").cast_column("image", UNDECODED)
    assert len(dataset) == 48
    assert len(dataset[:16]["idx"]) == len(dataset[32:]["idx"]) == 16
    assert dataset.select_columns("idx").select(range(40, 48))[0]["idx"] == dataset[40]["idx"]
    for key in (20, [1, 20], slice(None)):
        with pytest.raises(ShardError, match=r"organism/train-00001-of-00003.arrow"):
            dataset[key]
    with pytest.raises(ShardError, match=r"organism/train-00001-of-00003.arrow"):
        list(dataset)
