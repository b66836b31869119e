"""A package in Parquet gives what its Arrow version gives."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

import cytoimagenet
from cytoimagenet import CytoImageNet, ShardError
from cytoimagenet_reader.remote import retrying
from cytoimagenet_reader.retry import Limits
from tests.loading.made_package import make_package
from tests.loading.server import Faults, serving


def rows(package: Path | str, cache: Path, config: str = "full", **conditions: Any) -> list[dict[str, Any]]:
    builder = CytoImageNet(config, data_dir=package, cache_dir=str(cache), **conditions)
    stream = builder.as_streaming_dataset(split="train")
    if "image" in stream.features:
        stream = stream.cast_column("image", datasets.Image(decode=False))
    return list(stream)


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"config": "compound", "columns": ["label", "idx"]},
        {"labels": ["human", "taxol"], "crops": True},
        {"commercial_use": True, "microscopy": ["fluorescence"], "columns": ["image", "label"]},
    ],
    ids=lambda conditions: "+".join(conditions) or "all",
)
def test_rows_are_those_of_the_arrow_package(
    package: Path, parquet_package: Path, tmp_path: Path, conditions: dict[str, Any]
) -> None:
    expected = rows(package, tmp_path, **conditions)
    assert expected
    assert rows(parquet_package, tmp_path, **conditions) == expected


def test_a_copy_and_plain_load_dataset_agree(package: Path, parquet_package: Path, tmp_path: Path) -> None:
    undecoded = datasets.Image(decode=False)
    expected = cytoimagenet.open(package, "phenotype").cast_column("image", undecoded)[:]
    builder = CytoImageNet("phenotype", data_dir=parquet_package, cache_dir=str(tmp_path))
    builder.download_and_prepare()
    assert builder.as_dataset("train").cast_column("image", undecoded)[:] == expected
    plain = datasets.load_dataset(str(parquet_package), "phenotype", split="train", cache_dir=str(tmp_path))
    found = plain.cast_column("image", undecoded)[:]
    names = cytoimagenet.open(package).features["label"].names  # the files count the classes of full
    assert plain.features["label"].names == names
    assert [names[label] for label in found["label"]] == builder.info.features["label"].int2str(expected["label"])
    assert {**found, "label": None} == {**expected, "label": None}


@pytest.mark.parametrize("taken", [1, 7, 100, 215])
def test_a_stream_resumes_after_any_row(parquet_package: Path, tmp_path: Path, taken: int) -> None:
    def stream() -> Any:
        builder = CytoImageNet(data_dir=parquet_package, cache_dir=str(tmp_path), columns=["filename", "label"])
        return builder.as_streaming_dataset(split="train")

    whole, first, again = list(stream()), stream(), stream()
    running = iter(first)
    head = [next(running) for _ in range(taken)]
    again.load_state_dict(first.state_dict())
    assert head + list(again) == whole


def test_batches_are_those_of_the_arrow_package(package: Path, parquet_package: Path) -> None:
    pytest.importorskip("torch")

    def batches(folder: Path) -> list[Any]:
        loader = cytoimagenet.loader(folder, batch_size=50, size=16, buffer=60)
        return [(images.numpy().tobytes(), labels.tolist()) for images, labels in loader]

    assert batches(parquet_package) == batches(package)


@pytest.mark.parametrize(
    "asked",
    [
        {"config": "compound", "columns": ["label", "idx"]},
        {"labels": ["human", "taxol"], "crops": True, "label_ids": "full"},
        {"split": "validation[:50%]", "commercial_use": True},
        {"config": "metadata"},
    ],
    ids="+".join,
)
def test_open_gives_the_rows_of_the_arrow_package(package: Path, parquet_package: Path, asked: dict[str, Any]) -> None:
    found, wanted = (cytoimagenet.open(place, **asked) for place in (parquet_package, package))
    if "image" in wanted.features:
        found, wanted = (d.cast_column("image", datasets.Image(decode=False)) for d in (found, wanted))
    assert len(wanted)
    assert found.features == wanted.features
    assert found[:] == wanted[:]
    assert [found[n] for n in range(len(found))] == list(wanted)


@pytest.mark.parametrize("faults", [{}, {"busy": 3}, {"dropped": 3}, {"short": 3}])
def test_an_epoch_over_http_is_whole_in_spite_of_passing_faults(
    parquet_package: Path, tmp_path: Path, faults: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(retrying, "LIMITS", Limits(attempts=6, first_wait=0.01))
    server = Faults(**faults)
    columns = ["filename", "label"]
    with serving(parquet_package, server) as url:
        assert rows(url, tmp_path, columns=columns) == rows(parquet_package, tmp_path, columns=columns)
    assert all(left < faults[fault] for fault, left in server.left.items())


def test_row_groups_are_fetched_once_and_the_footer_with_the_first(tmp_path: Path) -> None:
    folder = make_package(
        tmp_path / "package",
        classes={"organism": ("human",), "gene": ("a", "b")},
        per_class={"train": 300, "validation": 1},
        shards={"train": 2, "validation": 1},
        batch_rows=10,
        encode=lambda pixels: np.random.default_rng(0).bytes(9_000),
        side=4,
        file_format="parquet",
    )
    files = json.loads((folder / "manifest.json").read_text())["files"]
    with serving(folder, server := Faults()) as url:
        assert rows(url, tmp_path, columns=["image", "idx"]) == rows(folder, tmp_path, columns=["image", "idx"])
    for path in (
        "data/train-25000005-gene-00000-of-00002.parquet",
        "data/train-75000000-organism-00001-of-00002.parquet",
    ):  # not the first of all, whose footer tells the schema as well
        sent = [sent for asked, sent in server.requests if asked == f"/{path}"]
        assert sum(sent) == files[path]["bytes"]  # whole: magic number, row groups, footer
        assert files[path]["bytes"] - files[path]["footer_offset"] in sent


def test_changed_bytes_of_a_whole_shard_are_found_over_http(parquet_package: Path, tmp_path: Path) -> None:
    url = shutil.copytree(parquet_package, tmp_path / "package")
    shard = url / "data/train-50000000-organism-00001-of-00003.parquet"
    data = bytearray(shard.read_bytes())
    data[data.index(b"IDAT") + 40] ^= 1  # inside an image: Parquet cannot notice
    shard.write_bytes(bytes(data))
    with serving(url, Faults()) as place, pytest.raises(ShardError, match=r"00001-of-00003.parquet: its sha256"):
        rows(place, tmp_path / "cache", "organism")


def test_streams_that_are_left_end_with_the_interpreter_and_say_nothing(
    package: Path, parquet_package: Path, tmp_path: Path
) -> None:
    code = """
import sys
import cytoimagenet
streams = [cytoimagenet.CytoImageNet(data_dir=place, cache_dir=sys.argv[1]) for place in sys.argv[2:]]
rows = [iter(stream.as_streaming_dataset(split="train")) for stream in streams]
print([next(of_stream)["filename"] for of_stream in rows])
"""
    with serving(package, Faults()) as first, serving(parquet_package, Faults()) as second:
        command = [sys.executable, "-c", code, str(tmp_path), first, second, str(package), str(parquet_package)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = [line for line in done.stderr.splitlines() if "Repo card metadata" not in line]  # datasets 3 of no card
    assert said == []
    assert len(done.stdout.split(",")) == 4


def test_a_damaged_shard_is_named(parquet_package: Path, tmp_path: Path) -> None:
    shard = "data/train-50000000-organism-00001-of-00003.parquet"
    url = shutil.copytree(parquet_package, tmp_path / "package")
    data = (url / shard).read_bytes()
    (url / shard).write_bytes(data[: len(data) // 2])
    with pytest.raises(ShardError, match=shard):
        rows(url, tmp_path / "cache", "organism")
    (url / shard).unlink()
    with pytest.raises(ShardError, match=shard):
        rows(url, tmp_path / "cache", "organism")
