"""Arguments are checked where they are given.

The error names what is right.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import cytoimagenet
from cytoimagenet import CytoImageNet, PackageError, ShardError
from tests.loading.made_package import write_stream

LOADER: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"size": 0}, ValueError, "size must be at least 1, not 0"),
    ({"size": 32.5}, TypeError, "size must be a whole number"),
    ({"size": (3,)}, ValueError, r"size must be one number of pixels, \(height, width\) or None, not \(3,\)"),
    ({"size": (8, -1)}, ValueError, "size must be at least 1, not -1"),
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
    ({"batch_size": 2.5}, TypeError, "batch_size must be a whole number, or None: single examples; not 2.5"),
    ({"seed": None}, TypeError, "seed must be a whole number; not None"),
    ({"seed": -1}, ValueError, "seed must be at least 0"),
    ({"buffer": "1000"}, TypeError, "buffer must be a whole number; not '1000'"),
    ({"threads": 0}, ValueError, "threads must be at least 1"),
    ({"rank": "a", "world_size": 2}, TypeError, "rank must be a whole number"),
    ({"shuffle": None}, TypeError, "shuffle must be True or False, not None"),
    ({"drop_last": 1}, TypeError, "drop_last must be True or False, not 1"),
    ({"decode": None}, TypeError, "decode must be True or False, not None"),
    ({"batchsize": 3}, TypeError, "loader has no argument 'batchsize'; did you mean 'batch_size'"),
    ({"label": ["dmso"]}, TypeError, "loader has no argument 'label'; did you mean 'labels'"),
    ({"dtype": "float32"}, TypeError, "dtype must be one of PyTorch's, as torch.float32, not 'float32'"),
    ({"normalize": (0.5, 0)}, ValueError, "standard deviation above 0"),
    ({"keys": ("x", "x")}, ValueError, "'x' would name two things of a batch: change keys or columns"),
    ({"keys": ("image", "label"), "columns": ["label"]}, ValueError, "'label' would name two things of a batch"),
    ({"columns": ["idx", "idx"]}, ValueError, "'idx' would name two things of a batch"),
    ({"keys": ("repeated", "label"), "pad": True}, ValueError, "'repeated' would name two things of a batch"),
    ({"config": "metadata"}, PackageError, "the config 'metadata' has no images: open it, or load_dataset"),
    ({"normalize": (0.5, 0.2)}, ValueError, "normalize needs a floating dtype"),
    ({"channels": 2}, ValueError, "channels must be 1 or 3, not 2"),
    ({"transform": 3}, TypeError, "transform must be callable"),
    ({"keys": "labels"}, TypeError, "keys must be two names"),
    ({"split": "valid"}, PackageError, "no split 'valid'; there are train, validation; did you mean 'validation'"),
]

ALL: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"labels": ["Taxol"]}, PackageError, "no class 'Taxol' in 'full' of .*; did you mean 'taxol'"),
    ({"labels": ["actin"]}, PackageError, "no class 'actin' in 'full' of .*; it has dmso, elongated cell"),
    ({"sources": ["bbbc05"]}, PackageError, "has 'bbbc05' in dir_name; did you mean 'bbbc005'"),
    ({"sources": "xyz"}, PackageError, "has 'xyz' in dir_name; there are bbbc005, idr0080, rec_rxrx1"),
    ({"databases": ["bbbc"]}, PackageError, "did you mean 'BBBC'"),
    ({"licenses": ["CC-BY"]}, PackageError, "did you mean 'CC-BY-4.0'"),
    ({"microscopy": "fluoresence"}, PackageError, "did you mean 'fluorescence'"),
    ({"crops": "yes"}, TypeError, "crops must be True or False, or None, not 'yes'"),
    ({"commercial_use": "no"}, TypeError, "commercial_use must be True or False, not 'no'"),
    ({"crops": False, "where": {"z": 7}}, PackageError, r"passes crops=False, where=\{'z': 7\}"),
    ({"labels": [3]}, TypeError, r"labels must be a text or a list of texts, not \[3\]"),
    ({"columns": ["indx"]}, PackageError, "no column indx; .*did you mean 'idx'"),
    ({"columns": 3}, TypeError, "columns must be a text or a list of texts"),
    ({"label_ids": "all"}, ValueError, "label_ids must be 'full' or None, not 'all'"),
    ({"lables": ["dmso"]}, TypeError, "has no argument 'lables'; did you mean 'labels'"),
]


@pytest.mark.parametrize(("given", "error", "said"), LOADER + ALL, ids=str)
def test_loader(package: Path, given: dict[str, Any], error: type[Exception], said: str) -> None:
    pytest.importorskip("torch")
    with pytest.raises(error, match=said):
        cytoimagenet.loader(package, **given)


@pytest.mark.parametrize(("given", "error", "said"), ALL, ids=str)
@pytest.mark.parametrize("way", ["open", "CytoImageNet"])
def test_open_and_the_class(
    package: Path, tmp_path: Path, way: str, given: dict[str, Any], error: type[Exception], said: str
) -> None:
    ways: dict[str, Callable[[], Any]] = {
        "open": lambda: cytoimagenet.open(package, **given),
        "CytoImageNet": lambda: CytoImageNet(data_dir=package, cache_dir=str(tmp_path), **given),
    }
    with pytest.raises(error, match=said):
        ways[way]()


def test_a_class_of_another_config_is_named(package: Path) -> None:
    with pytest.raises(PackageError, match=r"no class 'taxol' in 'organism' of .*; it is one of 'full', 'compound'"):
        cytoimagenet.open(package, "organism", labels=["taxol"])
    with pytest.raises(PackageError, match=r"holds no 'organisms'; it has .*; did you mean 'organism'"):
        cytoimagenet.open(package, "organisms")


def test_without_torch_the_extra_is_named(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "torch.utils", None)
    monkeypatch.setitem(sys.modules, "torch.utils.data", None)
    with pytest.raises(ModuleNotFoundError, match=r'loader needs PyTorch: pip install "cytoimagenet\[train\]"'):
        cytoimagenet.loader(package)


SPLITS = ["train[:10%]", "train+validation", "train[5:9]+validation[-3:]", "train[50%:]", datasets.Split.TRAIN, "train"]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("filters", [{}, {"crops": True}])
def test_splits_of_open(package: Path, split: Any, filters: dict[str, Any]) -> None:
    every = {name: cytoimagenet.open(package, split=name, **filters)["idx"][:] for name in ("train", "validation")}
    n = len(every["train"])
    wanted = {
        "train[:10%]": every["train"][: round(n * 0.1)],
        "train+validation": every["train"] + every["validation"],
        "train[5:9]+validation[-3:]": every["train"][5:9] + every["validation"][-3:],
        "train[50%:]": every["train"][n // 2 :],
    }.get(str(split), every["train"])
    opened = cytoimagenet.open(package, split=split, **filters)
    assert opened["idx"][:] == wanted
    assert opened[0]["image"].height == 40


def test_all_splits(package: Path) -> None:
    opened = cytoimagenet.open(package, "organism", split=None)
    assert {name: len(split) for name, split in opened.items()} == {"train": 48, "validation": 12}


@pytest.mark.parametrize(
    ("split", "said"),
    [("test", "no split 'test'"), ("train+vali", "no split 'vali'"), ("train[:x%]", "split='train"), ("", "split=''")],
)
def test_splits_that_are_none(package: Path, split: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cytoimagenet.open(package, split=split)


@pytest.mark.parametrize("split", ["train", "validation", None])
def test_the_metadata_opens(package: Path, split: str | None) -> None:
    opened = cytoimagenet.open(package, "metadata", split=split)
    for name, rows in opened.items() if split is None else [(split, opened)]:
        assert "image" not in rows.features
        whole = cytoimagenet.open(package, split=name)
        classes = whole.features["label"].names
        assert [(r["idx"], r["label"]) for r in rows] == [
            (r["idx"], classes[r["label"]]) for r in whole.remove_columns("image")
        ]
    with pytest.raises(PackageError, match="'metadata' is not narrowed by crops=True"):
        cytoimagenet.open(package, "metadata", crops=True)


@pytest.mark.parametrize(
    ("data_dir", "place"),
    [
        ("hf://datasets/lab/cells", "hf://datasets/lab/cells@v1"),
        ("hf://datasets/lab/cells/sub/folder", "hf://datasets/lab/cells@v1/sub/folder"),
    ],
)
def test_a_revision_of_the_hub(monkeypatch: pytest.MonkeyPatch, data_dir: str, place: str) -> None:
    asked: list[str] = []

    def found(self: Any, where: str, *args: Any) -> None:
        asked.append(where)
        raise PackageError("enough")

    monkeypatch.setattr("cytoimagenet_reader.streaming.PackageSplits.__init__", found)
    with pytest.raises(PackageError, match="enough"):
        CytoImageNet(data_dir=data_dir, revision="v1")
    assert asked == [place]


@pytest.mark.parametrize("data_dir", ["s3://bucket/cells", "hf://datasets/lab/cells@main", "cells"])
def test_a_revision_of_what_has_none(data_dir: str) -> None:
    with pytest.raises(PackageError, match=r"revision='v1' is of data_dir='hf://datasets/ORG/NAME'"):
        CytoImageNet(data_dir=data_dir, revision="v1")


@pytest.mark.parametrize("way", ["open", "open, many", "stream", "stream, batches"])
def test_a_damaged_image_is_named(own_package: Callable[[], Path], tmp_path: Path, way: str) -> None:
    folder = own_package()
    shard = folder / "data/organism/train-00001-of-00003.arrow"
    table = pa.ipc.open_stream(shard.read_bytes()).read_all()
    rows = table.to_pylist()
    rows[5]["image"]["bytes"] = b"no image"
    name = rows[5]["filename"]
    write_stream(shard, pa.Table.from_pylist(rows, schema=table.schema), 7)
    with pytest.raises(ShardError, match=rf"organism/train-00001-of-00003 row 5 \({name}\).*verify"):
        use(folder, tmp_path, way)


def use(folder: Path, tmp_path: Path, way: str) -> None:
    if way.startswith("open"):
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        name = "data/organism/train-00001-of-00003.arrow"
        manifest["files"][name]["bytes"] = (folder / name).stat().st_size
        manifest["files"][name].pop("batch_offsets")
        path.write_text(json.dumps(manifest))
        opened = cytoimagenet.open(folder, "organism")
        _ = list(opened) if way == "open" else opened[:48]
        return
    builder = CytoImageNet("organism", data_dir=folder, cache_dir=str(tmp_path))
    stream = builder.as_streaming_dataset(split="train")
    _ = list(stream if way == "stream" else stream.with_format("numpy").iter(10))


def damaged_images() -> list[bytes]:
    """Return many damaged files of several formats."""
    rng = np.random.default_rng(0)
    found = [b"", b"\x89PNG\r\n\x1a\n", b"P5 1 1", b"P5\n9 9\n255\n", b"II*\0" + bytes(30), b"BM" + bytes(60)]
    for kind in ("png", "tiff", "gif", "bmp", "jpeg", "webp", "ppm", "tga", "pcx", "jpeg2000"):
        whole = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (9, 9), dtype=np.uint8)).save(whole, kind)
        data = whole.getvalue()
        for _ in range(30):
            spoiled = bytearray(data[: rng.integers(4, len(data))])
            spoiled[rng.integers(0, len(spoiled))] ^= int(rng.integers(1, 255))
            found.append(bytes(spoiled))
    return found


def test_decode_raises_value_error_only() -> None:
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow has some for damaged TIFF
        for data in damaged_images():
            try:
                cytoimagenet.decode(data)
            except ValueError:
                refused += 1
    assert refused > 100
