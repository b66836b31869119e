"""The class, ``open`` and ``load_dataset`` on one package.

The same rows, classes and errors.
"""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pytest
from datasets.distributed import split_dataset_by_node

import cytoimagenet
from builder.schema import CATEGORIES, EXAMPLES
from cytoimagenet import CytoImageNet, ShardError
from tests.loading.made_package import CLASSES, make_package
from tests.loading.streamed import streamed
from tests.package import made

CONFIGS = ("full", *CLASSES)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its image as bytes, to compare.

    It can be hashed, too.
    """
    return {**row, "image": np.asarray(row["image"]).tobytes()}


def by_name(rows: Any) -> dict[str, dict[str, Any]]:
    listed = [plain(row) for row in rows]
    named = {f"{row['path']}/{row['filename']}": row for row in listed}
    assert len(named) == len(listed)
    return named


def test_the_folder_of_a_category_gives_its_rows_or_an_error(tmp_path: Path) -> None:
    """``data_dir=`` is no way to name a configuration.

    Up to 4.4 ``datasets`` compares sizes with ``full``.
    """
    folder = tmp_path / "cytoimagenet"
    made.make_package(folder)
    wanted = cytoimagenet.open(folder, "gene")
    old = int(datasets.__version__.partition(".")[0]) < 5

    def load(*name: str, **more: Any) -> Any:
        cache = tmp_path / f"cache {len(name)} {more}"
        rows = datasets.load_dataset(
            str(folder), *name, data_dir="data/gene", split="train", cache_dir=str(cache), **more
        )
        assert rows["filename"][:] == wanted["filename"][:]
        return rows

    named = load("gene")
    alone = datasets.load_dataset(str(folder), data_dir="data/gene", split="train", streaming=True)
    assert [row["filename"] for row in alone] == wanted["filename"][:]
    if old:
        assert named.features["label"] == wanted.features["label"]
        with pytest.raises(datasets.exceptions.NonMatchingSplitsSizesError):
            load()
        unchecked = load(verification_mode="no_checks")
        assert unchecked.features["label"] == cytoimagenet.open(folder).features["label"]
    else:
        assert set(load()["label"][:]) == set(named["label"][:]) == set(made.CLASSES["gene"])


@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
def test_a_copy_that_lacks_a_shard_is_noticed(tmp_path: Path, file_format: str) -> None:
    """The card names the files of Arrow packages.

    Of Parquet it has globs, and therefore numbers of rows.
    """
    folder = tmp_path / "cytoimagenet"
    made.make_package(folder, file_format=file_format, shards=2)
    [lost] = folder.glob("data/**/train-*organism-00001*" if file_format == "parquet" else "data/organism/train-00001*")
    lost.unlink()
    wanted = FileNotFoundError if file_format == "arrow" else datasets.exceptions.NonMatchingSplitsSizesError
    for config in ("full", "organism"):
        with pytest.raises(wanted):
            datasets.load_dataset(str(folder), config, split="train", cache_dir=str(tmp_path / "cache"))
        with pytest.raises(ShardError, match=lost.name):
            list(streamed(folder, tmp_path / "cache", config))


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("split", ["train", "validation"])
def test_four_ways_give_the_same_rows(package: Path, tmp_path: Path, config: str, split: str) -> None:
    loaded = datasets.load_dataset(str(package), config, split=split, cache_dir=str(tmp_path))
    opened = cytoimagenet.open(package, config, split)
    builder = CytoImageNet(config, data_dir=package, cache_dir=str(tmp_path))
    builder.download_and_prepare()
    prepared = builder.as_dataset(split)
    expected = by_name(loaded)
    assert len(expected) == sum(len(CLASSES[c]) for c in CLASSES if config in ("full", c)) * (
        24 if split == "train" else 6
    )
    assert by_name(opened) == expected
    assert by_name(prepared) == expected
    assert by_name(builder.as_streaming_dataset(split=split)) == expected
    assert opened.features == prepared.features == loaded.features
    if config != "full":  # one category: the order of rows is that of the shards, for all
        assert opened["filename"][:] == loaded["filename"][:] == prepared["filename"][:]


@pytest.mark.parametrize("config", CONFIGS)
def test_labels_are_the_class_ids_of_the_config(package: Path, tmp_path: Path, config: str) -> None:
    names = sorted(name for category, group in CLASSES.items() for name in group if config in ("full", category))
    dataset = streamed(package, tmp_path, config)
    assert dataset.features["label"].names == names
    for row in dataset:
        assert names[row["label"]] == row[row["category"]]  # what the category's own column says


def test_features_are_those_of_the_schema(package: Path) -> None:
    features = cytoimagenet.open(package).features
    assert list(features) == EXAMPLES.names
    assert isinstance(features["image"], datasets.Image)
    wanted = datasets.Features.from_arrow_schema(pa.schema([f for f in EXAMPLES if f.name not in ("image", "label")]))
    assert {name: features[name] for name in wanted} == dict(wanted)


def test_categories_of_the_script_are_those_of_the_builder() -> None:
    assert cytoimagenet.CATEGORIES == CATEGORIES
    assert [config.name for config in CytoImageNet.BUILDER_CONFIGS] == ["full", *CATEGORIES]


FILTERS: list[tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
    ({"labels": ["human", "taxol"]}, lambda r: r["token"] in ("human", "taxol")),
    ({"labels": "taxol"}, lambda r: r["token"] == "taxol"),
    ({"sources": ["idr0080"]}, lambda r: r["dir_name"] == "idr0080"),
    ({"databases": ["BBBC", "IDR"]}, lambda r: r["database"] in ("BBBC", "IDR")),
    ({"microscopy": ["brightfield"]}, lambda r: r["microscopy"] == "brightfield"),
    ({"licenses": ["CC0-1.0"]}, lambda r: r["license"] == "CC0-1.0"),
    ({"commercial_use": True}, lambda r: r["license"] in ("CC0-1.0", "CC-BY-4.0")),
    ({"crops": True}, lambda r: r["crop"]),
    ({"crops": False, "databases": ["IDR"], "labels": ["human", "mouse", "taxol"]},
     lambda r: not r["crop"] and r["database"] == "IDR" and r["token"] in ("human", "mouse", "taxol")),
]  # fmt: skip


@pytest.mark.parametrize(("conditions", "passes"), FILTERS, ids=lambda v: "+".join(v) if isinstance(v, dict) else "")
def test_filters_keep_what_passes_and_its_classes(
    package: Path, tmp_path: Path, conditions: dict[str, Any], passes: Callable[[dict[str, Any]], bool]
) -> None:  # fmt: skip
    everything = cytoimagenet.open(package)
    tokens = everything.features["label"].names
    wanted = {
        (row["path"], row["filename"]): tokens[row["label"]]
        for row in everything
        if passes({**row, "token": tokens[row["label"]]})
    }
    assert 0 < len(wanted) < len(everything)
    opened = cytoimagenet.open(package, **conditions)
    for dataset in (opened, streamed(package, tmp_path, "full", **conditions)):
        names = dataset.features["label"].names
        assert names == sorted(set(wanted.values()))
        assert {(row["path"], row["filename"]): names[row["label"]] for row in dataset} == wanted


def test_columns_are_read_alone_and_in_the_order_of_the_package(package: Path, tmp_path: Path) -> None:
    dataset = streamed(package, tmp_path, "organism", columns=["label", "image"])
    assert list(dataset.features) == ["image", "label"]
    assert all(list(row) == ["image", "label"] for row in dataset)
    assert cytoimagenet.open(package, columns=["idx", "label"]).column_names == ["label", "idx"]


def test_full_streams_all_categories_from_the_start(package: Path, tmp_path: Path) -> None:
    rows = list(streamed(package, tmp_path, "full", columns=["label", "category"]))
    head = Counter(row["category"] for row in rows[:27])  # of 216: 48 organism, 72 phenotype, 96 compound
    assert head == {"organism": 6, "phenotype": 9, "compound": 12}


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_workers_and_nodes_see_every_row_once(package: Path, tmp_path: Path, workers: int, nodes: int) -> None:
    dataset = streamed(package, tmp_path, "full", columns=["filename", "path", "label"])
    seen: Counter[str] = Counter()
    for rank in range(nodes):
        node = split_dataset_by_node(dataset, rank, nodes)
        shards = min(workers, node.num_shards)
        for worker in range(shards):
            seen.update(f"{r['path']}/{r['filename']}" for r in node.shard(shards, worker, contiguous=False))
    assert len(seen) == 216
    assert set(seen.values()) == {1}


@pytest.mark.parametrize("taken", [0, 1, 71, 72, 73, 150, 215])
def test_state_dict_resumes_after_any_row(package: Path, tmp_path: Path, taken: int) -> None:
    dataset = streamed(package, tmp_path, "full", columns=["filename", "label"])
    every = [row["filename"] for row in dataset]
    running = iter(dataset)
    head = [next(running)["filename"] for _ in range(taken)]
    state = json.loads(json.dumps(dataset.state_dict()))
    again = streamed(package, tmp_path, "full", columns=["filename", "label"])
    if taken:
        again.load_state_dict(state)
    assert head + [row["filename"] for row in again] == every


def test_undecoded_rows_hold_the_stored_bytes(package: Path, tmp_path: Path) -> None:
    undecoded = datasets.Image(decode=False)
    dataset = streamed(package, tmp_path, "organism").cast_column("image", undecoded)
    opened = cytoimagenet.open(package, "organism").cast_column("image", undecoded)
    assert [row["image"] for row in dataset] == opened["image"][:]


def test_open_copies_nothing_and_pickles_small(package: Path) -> None:
    dataset = cytoimagenet.open(package)
    before = pa.total_allocated_bytes()
    copies = [cytoimagenet.open(package) for _ in range(3)]
    shards = sum(path.stat().st_size for path in (package / "data").rglob("train*.arrow"))
    assert pa.total_allocated_bytes() - before < shards / 10
    state = pickle.dumps(dataset)
    assert len(state) < shards
    assert by_name(pickle.loads(state)) == by_name(copies[0])


def test_what_is_done_with_an_opened_package_leaves_it_as_it_is(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    before = sorted(package.rglob("*"))
    dataset = cytoimagenet.open(package, columns=["label", "idx"])
    names = dataset["idx"][:]
    mapped = dataset.map(lambda row: {"length": len(row["idx"])}).rename_column("idx", "name").sort("name")
    assert mapped["name"][:] == sorted(names)
    assert mapped["length"][:] == [len(name) for name in sorted(names)]
    assert len(datasets.concatenate_datasets([dataset, dataset]).filter(lambda row: row["label"] == 0)) == 48
    assert pickle.loads(pickle.dumps(dataset.select_columns(["idx"]).select(range(9))))["idx"][:] == names[:9]
    assert sorted(package.rglob("*")) == before


def test_open_has_the_same_fingerprint_again_and_another_for_other_rows(package: Path) -> None:
    one = cytoimagenet.open(package)._fingerprint
    assert cytoimagenet.open(package)._fingerprint == one
    assert cytoimagenet.open(package, "organism")._fingerprint != one
    assert cytoimagenet.open(package, crops=True)._fingerprint != one


def test_a_package_with_few_rows_in_many_shards(tmp_path: Path) -> None:
    folder = make_package(
        tmp_path / "few",
        classes={"gene": ("a targeted",), "compound": ("x", "y")},
        per_class={"train": 3, "validation": 1},
        shards={"train": 2, "validation": 1},
    )
    assert sorted(cytoimagenet.open(folder)["label"]) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert len(list(streamed(folder, tmp_path / "cache", "full"))) == 9


def test_a_batch_of_full_sees_nearly_as_many_classes_as_random_sampling(tmp_path: Path) -> None:
    classes = {
        "organism": ("o0", "o1"),
        "phenotype": tuple(f"p{i:02d}" for i in range(18)),
        "compound": tuple(f"c{i:03d}" for i in range(180)),
    }
    folder = make_package(
        tmp_path / "package",
        classes=classes,
        per_class={"train": 40, "validation": 1},
        shards={"train": 4, "validation": 1},
        batch_rows=100,
        encode=lambda pixels: b"",
        side=1,
    )
    stream = streamed(folder, tmp_path / "cache", "full", columns=["label"])
    labels = np.array([row["label"] for row in stream.shuffle(seed=0, buffer_size=1000)])
    assert len(labels) == 8000
    distinct = [len(set(batch)) for batch in labels[: 31 * 256].reshape(31, 256)]
    drawn = np.random.default_rng(0).permuted(np.tile(labels, (20, 1)), axis=1)[:, :256]
    assert np.mean(distinct) >= 0.95 * np.mean([len(set(batch)) for batch in drawn])


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_torchs_workers_give_every_row_once(package: Path, tmp_path: Path, workers: int) -> None:
    data = pytest.importorskip("torch").utils.data
    dataset = streamed(package, tmp_path, "full", columns=["filename", "path"]).shuffle(seed=1, buffer_size=20)
    loaded = data.DataLoader(dataset, batch_size=10, num_workers=workers)
    seen = Counter(
        f"{path}/{name}" for batch in loaded for path, name in zip(batch["path"], batch["filename"], strict=True)
    )
    wanted = cytoimagenet.open(package)
    assert seen == Counter(f"{row['path']}/{row['filename']}" for row in wanted.select_columns(["path", "filename"]))
