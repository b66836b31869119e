"""Streaming over HTTP: every row once, or one clear error.

From a server that is sound, busy, broken or lying.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

import cytoimagenet
from cytoimagenet import CytoImageNet, PackageError, ShardError
from cytoimagenet_reader.package import identity_of
from cytoimagenet_reader.png.encoder import encode
from cytoimagenet_reader.remote import files, forward, retrying, window
from cytoimagenet_reader.retry import Limits
from tests.loading.made_package import make_package
from tests.loading.server import Faults, serving

pytest.importorskip("aiohttp")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "LIMITS", Limits(attempts=6, first_wait=0.01))
    monkeypatch.setattr(forward, "_BLOCK", 20_000)  # several blocks per shard
    monkeypatch.setattr(window, "_LEAST_BLOCK", 5_000)  # and per batch


def names(url: str | Path, cache: Path, config: str = "full", **conditions: Any) -> list[str]:
    builder = CytoImageNet(config, data_dir=url, cache_dir=str(cache), columns=["filename", "path"], **conditions)
    return [f"{row['path']}/{row['filename']}" for row in builder.as_streaming_dataset(split="train")]


FAULTS: list[dict[str, int]] = [
    {},
    {"busy": 5},
    {"dropped": 5},
    {"short": 5},
    {"every": 4, "busy": 50, "dropped": 50, "short": 50},
]


@pytest.mark.parametrize("faults", FAULTS)
def test_an_epoch_is_whole_in_spite_of_passing_faults(
    package: Path, tmp_path: Path, faults: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "LIMITS", Limits(attempts=15, first_wait=0.01))
    server = Faults(**faults)
    with serving(package, server) as url:
        assert names(url, tmp_path) == names(package, tmp_path)
    assert all(left < faults[fault] for fault, left in server.left.items())  # each did happen


def test_a_slow_server_is_waited_for(package: Path, tmp_path: Path) -> None:
    server = Faults()
    server.delay = 0.05
    with serving(package, server) as url:
        assert names(url, tmp_path, "organism") == names(package, tmp_path, "organism")


@pytest.mark.parametrize("fault", ["busy", "dropped", "short"])
def test_a_lasting_fault_ends_in_one_error_that_names_the_shard(package: Path, tmp_path: Path, fault: str) -> None:
    with serving(package, Faults(**{fault: 10**6})) as url, pytest.raises(
        ShardError, match=r"data/organism/train-0000\d-of-00003.arrow: .*tried 6 times"
    ):  # fmt: skip
        names(url, tmp_path, "organism")


def test_a_server_without_ranges_is_named(package: Path, tmp_path: Path) -> None:
    with serving(package, Faults(no_ranges=10**6)) as url, pytest.raises(ShardError, match="ignores byte ranges"):
        names(url, tmp_path)


def test_a_missing_shard_and_a_missing_package(own_package: Callable[[], Path], tmp_path: Path) -> None:
    folder = own_package()
    (folder / "data/compound/train-00001-of-00003.arrow").unlink()
    with serving(folder, Faults()) as url:
        with pytest.raises(ShardError, match=r"compound/train-00001-of-00003.arrow"):
            names(url, tmp_path)
        with pytest.raises(PackageError, match="is not a cytoimagenet package"):
            names(f"{url}/nowhere", tmp_path)


def test_changed_bytes_are_found_where_a_whole_shard_is_read(own_package: Callable[[], Path], tmp_path: Path) -> None:
    folder = own_package()
    shard = folder / "data/organism/train-00002-of-00003.arrow"
    data = bytearray(shard.read_bytes())
    at = data.index(b"IDAT") + 40  # inside an image: Arrow cannot notice
    data[at] ^= 1
    shard.write_bytes(bytes(data))
    with serving(folder, Faults()) as url, pytest.raises(ShardError, match=r"00002-of-00003.arrow: its sha256"):
        names(url, tmp_path, "organism")


def test_manifest_and_classes_are_asked_for_at_the_same_time(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both, read, asked = threading.Barrier(2, timeout=10), files.read_content, list[str]()

    def together(url: str, storage_options: Any) -> files.Content:
        asked.append(url)
        both.wait()  # broken, unless the other is under way
        return read(url, storage_options)

    monkeypatch.setattr(files, "read_content", together)
    with serving(package, Faults()) as url:
        assert cytoimagenet.Package(url).identity == identity_of(
            (package / "manifest.json").read_bytes(), (package / "classes.json").read_bytes()
        )
    assert sorted(asked) == [f"{url}/classes.json", f"{url}/manifest.json"]


def test_what_a_filter_leaves_out_is_not_fetched(tmp_path: Path) -> None:
    folder = make_package(
        tmp_path / "package",
        classes={"organism": tuple(f"o{i:03d}" for i in range(120))},
        per_class={"train": 2, "validation": 1},
        shards={"train": 1, "validation": 1},
        batch_rows=4,
        encode=lambda pixels: np.random.default_rng(0).bytes(20_000),
    )
    server = Faults()
    with serving(folder, server) as url:
        assert len(names(url, tmp_path, labels=["o007"])) == 2
    sent = sum(count for path, count in server.requests if path.endswith(".arrow"))
    assert sent < (folder / "data/organism/train-00000-of-00001.arrow").stat().st_size / 4


def test_streams_that_begin_inside_a_shard_read_nothing_twice(tmp_path: Path) -> None:
    folder = make_package(
        tmp_path / "package",
        classes={"organism": ("human", "mouse")},
        per_class={"train": 500, "validation": 1},
        shards={"train": 2, "validation": 1},
        batch_rows=10,
        encode=lambda pixels: np.random.default_rng(0).bytes(5_000),
        side=4,
    )
    size = sum(path.stat().st_size for path in (folder / "data").rglob("train*.arrow"))
    with serving(folder, server := Faults()) as url:
        assert len(set(names(url, tmp_path))) == 1000
    asked = [sent for path, sent in server.requests if path.endswith(".arrow")]
    assert sum(asked) < 1.15 * size
    assert min(asked) > 1000  # none for a header alone: the manifest says where batches are
    stream = CytoImageNet(data_dir=folder, cache_dir=str(tmp_path)).as_streaming_dataset(split="train")
    assert stream.num_shards == 3


@pytest.mark.parametrize("conditions", [{}, {"labels": ["taxol"], "crops": True}, {"labels": ["mouse"]}])
def test_a_package_of_old_gives_the_same_rows(package: Path, tmp_path: Path, conditions: dict[str, Any]) -> None:
    """Its manifest does not say where record batches are."""
    old = make_package(tmp_path / "old", encode=encode, old=True)
    assert names(old, tmp_path, **conditions) == names(package, tmp_path, **conditions)
    with serving(old, Faults(every=5, busy=10, dropped=10)) as url:
        assert names(url, tmp_path, **conditions) == names(package, tmp_path, **conditions)
    shard = old / "data/organism/train-00002-of-00003.arrow"
    data = bytearray(shard.read_bytes())
    data[data.index(b"IDAT") + 40] ^= 1
    shard.write_bytes(bytes(data))
    if not conditions:
        with serving(old, Faults()) as url, pytest.raises(ShardError, match=r"00002-of-00003.arrow: its sha256"):
            names(url, tmp_path, "organism")


def test_a_batch_of_other_rows_than_the_manifest_states_is_named(
    own_package: Callable[[], Path], tmp_path: Path
) -> None:  # fmt: skip
    folder = own_package()
    manifest = json.loads((folder / "manifest.json").read_text())
    facts = manifest["files"]["data/organism/train-00001-of-00003.arrow"]
    facts["batch_rows"][:2] = [facts["batch_rows"][0] - 1, facts["batch_rows"][1] + 1]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with serving(folder, Faults()) as url, pytest.raises(ShardError, match=r"00001.*a record batch of 7 rows, and 6"):
        names(url, tmp_path, "organism")


@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
def test_what_is_asked_for_before_the_first_row(tmp_path: Path, file_format: str) -> None:
    """Manifest, classes, and once what the rows need.

    And once per shard, whether the manifest is still the same.
    """
    folder = make_package(
        tmp_path / "package",
        classes={"gene": ("a", "b")},
        shards={"train": 1, "validation": 1},
        file_format=file_format,
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    [shard] = [path for path in manifest["files"] if path.startswith("data/") and "train" in path]
    with serving(folder, server := Faults()) as url:
        stream = CytoImageNet(data_dir=url, cache_dir=str(tmp_path)).as_streaming_dataset(split="train")
        assert len(list(stream.cast_column("image", datasets.Image(decode=False)))) == 48
    sent = [count for path, count in server.requests if path.endswith(shard)]
    assert sum(sent) == manifest["files"][shard]["bytes"]
    others = sorted((path, count) for path, count in server.requests if not path.endswith(shard))
    sizes = {name: (folder / name).stat().st_size for name in ("classes.json", "manifest.json")}
    assert others == [
        ("/classes.json", sizes["classes.json"]),
        ("/manifest.json", 1),
        ("/manifest.json", sizes["manifest.json"]),
    ]


def test_a_shard_of_other_columns_than_the_manifest_states_is_named(
    own_package: Callable[[], Path], tmp_path: Path
) -> None:  # fmt: skip
    folder = own_package()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["columns"].append({"name": "dose", "type": "double", "nullable": True})
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with serving(folder, Faults()) as url, pytest.raises(ShardError, match="its columns are not those of the package"):
        names(url, tmp_path, "organism")


def test_resuming_reads_from_where_it_stopped(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    folder = make_package(
        tmp_path / "package", classes={"gene": ("a", "b")}, per_class={"train": 200, "validation": 1}, side=60
    )
    with serving(folder, whole := Faults()) as url:
        loader = cytoimagenet.loader(url, batch_size=20, size=8, buffer=40)
        batches = iter(loader)
        labels = [next(batches)[1].tolist() for _ in range(18)]
        state = batches.state_dict()
        labels += [y.tolist() for _, y in batches]
    with serving(folder, last := Faults()) as url:
        loader = cytoimagenet.loader(url, batch_size=20, size=8, buffer=40)
        loader.load_state_dict(state)
        assert [y.tolist() for _, y in loader] == labels[18:]

    def sent(faults: Faults) -> int:
        return sum(count for path, count in faults.requests if path.endswith(".arrow"))

    assert sent(last) < sent(whole) / 2


def test_a_copy_of_a_remote_package_is_checked(package: Path, tmp_path: Path) -> None:
    with serving(package, Faults()) as url:
        builder = CytoImageNet("organism", data_dir=url, cache_dir=str(tmp_path))
        builder.download_and_prepare()
    assert builder.as_dataset("train")["filename"][:] == cytoimagenet.open(package, "organism")["filename"][:]
