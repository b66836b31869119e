"""What ``open`` returns behaves as any Dataset of its rows.

It reads only the shards that are used. Of a package in either format: the rows to compare with are those of the Arrow
package.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets.table import InMemoryTable

import cytoimagenet
from cytoimagenet import ShardError
from cytoimagenet_reader.mapped_images import Images

COLUMNS = ["image", "label", "idx", "crop", "scaling", "x_max", "organism"]
UNDECODED = datasets.Image(decode=False)


@pytest.fixture(params=["package", "parquet_package"], ids=["arrow", "parquet"])
def folder(request: pytest.FixtureRequest) -> Path:
    """The package, in each format."""
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def opened(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> datasets.Dataset:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    return cytoimagenet.open(folder, columns=COLUMNS).cast_column("image", UNDECODED)


@pytest.fixture
def ordinary(package: Path) -> datasets.Dataset:
    """Return the same rows in memory, by ``datasets`` alone."""
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
    "cast to images": lambda d: d.cast_column("idx", UNDECODED).select(range(70, 90)),
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
        if kind == "arrow":
            got, wanted = got.to_pydict(), wanted.to_pydict()  # their chunks are those of the shards
        assert str(got) == str(wanted)
    assert opened.with_format(None, columns=["idx"])[3] == {"idx": ordinary[3]["idx"]}


def test_images_are_decoded_where_the_features_say_so(folder: Path) -> None:
    dataset = cytoimagenet.open(folder)
    fast, usual = dataset[11], datasets.Dataset.__getitem__(dataset, 11)
    assert fast["image"] == usual["image"]
    assert {**fast, "image": None} == {**usual, "image": None}
    assert list(fast) == list(usual)


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_only_what_is_used_is_read(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    source = request.getfixturevalue({"arrow": "package", "parquet": "parquet_package"}[kind])
    folder = Path(shutil.copytree(source, tmp_path / "package"))
    name = {"arrow": "organism/train-00001-of-00003.arrow", "parquet": "train-*-organism-00001-of-00003.parquet"}[kind]
    [spoiled] = folder.glob(f"data/{name}")  # of rows 16 to 31
    size = spoiled.stat().st_size
    spoiled.write_bytes(bytes(size))
    dataset = cytoimagenet.open(folder, "organism").cast_column("image", UNDECODED)
    assert len(dataset) == 48
    assert len(dataset[:16]["idx"]) == len(dataset[32:]["idx"]) == 16
    assert dataset.select_columns("idx").select(range(40, 48))[0]["idx"] == dataset[40]["idx"]
    for key in (20, [1, 20], slice(None)):
        with pytest.raises(ShardError, match=spoiled.name):
            dataset[key]
    with pytest.raises(ShardError, match=spoiled.name):
        list(dataset)


@pytest.mark.parametrize("options", [{"compression": "zstd"}, {"use_dictionary": True}], ids=str)
def test_images_that_do_not_lie_as_they_are(
    package: Path, parquet_package: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    folder = Path(shutil.copytree(parquet_package, tmp_path / "package"))
    manifest = json.loads((folder / "manifest.json").read_text())
    for path, facts in manifest["files"].items():
        if path.startswith("data/"):
            table = pq.read_table(folder / path)
            pq.write_table(table, folder / path, row_group_size=5, **{"use_dictionary": False, **options})
            facts["bytes"] = (folder / path).stat().st_size
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found, wanted = (cytoimagenet.open(place).cast_column("image", UNDECODED) for place in (folder, package))
    assert found[:] == wanted[:]
    rows = np.random.default_rng(0).permutation(len(wanted))[:60].tolist()
    assert [found[row] for row in rows] == [wanted[row] for row in rows]


def test_a_column_of_a_parquet_package_is_read_without_the_images(
    package: Path, parquet_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, wanted = cytoimagenet.open(parquet_package), cytoimagenet.open(package)
    monkeypatch.delattr(Images, "_find")
    assert list(dataset["label"]) == list(wanted["label"])
    assert dataset.unique("organism") == wanted.unique("organism")
    assert dataset.with_format("arrow")["idx"] == wanted.with_format("arrow")["idx"]
    with pytest.raises(AttributeError, match="_find"):
        dataset[0]


def test_an_image_whose_length_leads_out_of_its_page_is_named(parquet_package: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(parquet_package, tmp_path / "package"))
    [path] = folder.glob("data/train-*organism-00001-of-00003.parquet")
    image = cytoimagenet.open(folder, "organism").cast_column("image", UNDECODED)[20]["image"]["bytes"]
    content = bytearray(path.read_bytes())
    at = content.index(np.uint32(len(image)).tobytes() + image)
    content[at : at + 4] = np.uint32(1 << 30).tobytes()
    path.write_bytes(content)
    dataset = cytoimagenet.open(folder, "organism")
    assert len(list(dataset["idx"])) == 48
    for key in (20, slice(18, 22)):
        with pytest.raises(ShardError, match=rf"{path.name}: ValueError: a page ends within a value"):
            dataset[key]


def test_no_image_is_copied(parquet_package: Path) -> None:
    dataset = cytoimagenet.open(parquet_package, columns=["image"]).cast_column("image", UNDECODED).with_format("arrow")
    before = pa.total_allocated_bytes()
    column = dataset[:]["image"]
    assert column.num_chunks == 216
    assert column.nbytes > 200_000
    assert pa.total_allocated_bytes() - before < 100_000
