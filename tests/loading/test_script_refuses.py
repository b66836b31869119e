"""``cytoimagenet.py`` alone with faulty packages and servers."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cytoimagenet_reader.arrow_checks import batch_offsets
from tests.fuzz.mutations import MUTATIONS
from tests.loading.script_alone import read_all
from tests.loading.server import Faults, serving

pytestmark = pytest.mark.slow


def test_links_are_followed_within_the_package_and_the_hubs_cache_alone(
    script: Any, own_package: Callable[[], Path], tmp_path: Path
) -> None:
    folder = own_package()
    shard = folder / "data/organism/train-00000-of-00003.arrow"
    rows = read_all(script, folder)
    cache = tmp_path / "datasets--me--it/snapshots/abc"
    shutil.copytree(folder, cache)
    (tmp_path / "datasets--me--it/blobs").mkdir()
    for path in [path for path in cache.rglob("*") if path.is_file()]:
        blob = tmp_path / "datasets--me--it/blobs" / hashlib.sha256(str(path).encode()).hexdigest()
        path.replace(blob)
        path.symlink_to(blob)
    assert read_all(script, cache) == rows
    outside = shard.replace(tmp_path / "outside.arrow")
    shard.symlink_to(outside)
    with pytest.raises(script.ShardError, match=r"train-00000-of-00003.arrow: it is a link to a file outside"):
        read_all(script, folder)
    shard.unlink()
    os.mkfifo(shard)  # who opened it would wait for ever
    with pytest.raises(script.ShardError, match="or no file"):
        read_all(script, folder)


@pytest.mark.parametrize(
    "name", ["data/organism/../../../secret.arrow", "data/x/train-00000-of-00001.arrow", "data//x"]
)
def test_a_manifest_may_not_name_files_elsewhere(script: Any, own_package: Callable[[], Path], name: str) -> None:
    path = own_package() / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["files"][name] = manifest["files"].pop("data/organism/train-00000-of-00003.arrow")
    path.write_text(json.dumps(manifest))
    with pytest.raises(script.PackageError, match="no name of a shard"):
        read_all(script, path.parent)


def test_a_compressed_stream_is_refused_before_it_inflates(script: Any, own_package: Callable[[], Path]) -> None:
    path = own_package() / "data/organism/train-00000-of-00003.arrow"
    table = pa.ipc.open_stream(path.read_bytes()).read_all()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    content = path.read_bytes()
    places = {"batch_offsets": batch_offsets(pa.py_buffer(content)), "batch_rows": [*map(len, table.to_batches())]}
    for of_batches in (places, {}):  # packages of old do not give them
        restate(path, {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), **of_batches})
        with pytest.raises(script.ShardError, match="the stream is compressed"):
            read_all(script, path.parents[2])


def restate(shard: Path, facts: dict[str, Any]) -> None:
    """Have the manifest say this of a shard's content."""
    manifest = shard.parents[2] / "manifest.json"
    stated = json.loads(manifest.read_bytes())
    path = shard.relative_to(manifest.parent).as_posix()
    kept = {name: value for name, value in stated["files"][path].items() if not name.startswith("batch_")}
    stated["files"][path] = kept | facts
    manifest.write_text(json.dumps(stated))


def test_a_package_that_does_not_say_where_batches_are_gives_the_same_rows(
    script: Any, package: Path, own_package: Callable[[], Path]
) -> None:  # fmt: skip
    folder = own_package()
    for shard in (folder / "data").rglob("*.arrow"):
        content = shard.read_bytes()
        restate(shard, {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
    assert "batch_offsets" not in (folder / "manifest.json").read_text()
    pytest.importorskip("aiohttp")
    with serving(folder, Faults()) as url:
        for conditions in ({}, {"labels": "human"}):
            wanted = read_all(script, package, **conditions)
            assert read_all(script, folder, **conditions) == read_all(script, url, **conditions) == wanted > 0


@pytest.mark.parametrize("stated", [["batch_rows", [7, 9]], ["batch_rows", "16"], ["batch_offsets", [8, 16]]], ids=str)
def test_batches_that_the_manifest_states_wrongly_name_the_shard(
    script: Any, own_package: Callable[[], Path], stated: list[Any]
) -> None:  # fmt: skip
    path = own_package() / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["files"]["data/organism/train-00000-of-00003.arrow"][stated[0]] = stated[1]
    path.write_text(json.dumps(manifest))
    with pytest.raises(script.ShardError, match=r"train-00000-of-00003.arrow: "):
        read_all(script, path.parent)


def test_rows_that_the_stated_batches_leave_out_are_missed(script: Any, own_package: Callable[[], Path]) -> None:
    """Under a filter, no hash of a whole shard tells."""
    path = own_package() / "manifest.json"
    manifest = json.loads(path.read_bytes())
    for name, facts in manifest["files"].items():
        if name.startswith("data/organism/"):
            facts["batch_rows"], facts["batch_offsets"] = facts["batch_rows"][:1], facts["batch_offsets"][:1]
            facts["bytes"] = json.loads(path.read_bytes())["files"][name]["batch_offsets"][1]
    path.write_text(json.dumps(manifest))
    with pytest.raises(script.ShardError, match=r"organism/.*: it gives \d+ of \d+ rows"):
        read_all(script, path.parent, labels="human")


def test_a_first_shard_that_is_cut_within_its_schema_is_named_once(
    script: Any, own_package: Callable[[], Path]
) -> None:  # fmt: skip
    shard = own_package() / "data/organism/train-00000-of-00003.arrow"
    for size in (0, 100):
        with shard.open("r+b") as file:
            file.truncate(size)
        with pytest.raises(script.ShardError, match=r"train-00000-of-00003.arrow: it ends before byte") as failed:
            read_all(script, shard.parents[2])
        assert str(failed.value).count("train-00000-of-00003.arrow") == 1


@pytest.mark.parametrize("fault", ["no_ranges", "short"])
def test_a_server_that_gives_more_or_less_than_what_is_asked(script: Any, package: Path, fault: str) -> None:
    """The whole file each time; or every third cut short."""
    pytest.importorskip("aiohttp")
    with serving(package, Faults(every=1 if fault == "no_ranges" else 3, **{fault: 1000})) as url:
        assert read_all(script, url) == read_all(script, package)


def test_a_damaged_shard_is_named(script: Any, own_package: Callable[[], Path], tmp_path: Path) -> None:
    shard = own_package() / "data/organism/train-00001-of-00003.arrow"
    data = bytearray(shard.read_bytes())
    data[data.index(b"IDAT") + 40] ^= 1
    shard.write_bytes(bytes(data))
    builder = script.CytoImageNet("organism", data_dir=shard.parents[2], cache_dir=tmp_path / "cache")
    named = r"train-00001-of-00003.arrow: its sha256 is not the manifest's"
    with pytest.raises(script.ShardError, match=named):
        builder.download_and_prepare()
    with pytest.raises(script.ShardError, match=named):
        read_all(script, shard.parents[2])


@pytest.mark.parametrize("where", [{"dosis": 1}, {"z": {"min": "low"}}], ids=str)
def test_a_condition_that_no_column_can_meet_is_not_the_packages_fault(
    script: Any, package: Path, where: dict[str, Any]
) -> None:  # fmt: skip
    with pytest.raises(script.PackageError, match=r"^where=\{.*\} does not suit the columns: .+$"):
        read_all(script, package, where=where)


def test_a_damaged_metadata_table_is_named(script: Any, own_package: Callable[[], Path]) -> None:
    path = own_package() / "metadata.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(script.ShardError, match=r"metadata.parquet: its sha256 is not the manifest's"):
        read_all(script, path.parent, labels="human")


@pytest.mark.parametrize("rows", [None, "15", 1.5, -1, True, 1 << 80])
def test_rows_that_are_no_count_are_refused_at_once(script: Any, own_package: Callable[[], Path], rows: object) -> None:
    path = own_package() / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["files"]["data/organism/train-00000-of-00003.arrow"]["rows"] = rows
    path.write_text(json.dumps(manifest))
    with pytest.raises(script.PackageError, match="is no name of a shard, or not what the manifest says of it"):
        read_all(script, path.parent)


@pytest.mark.parametrize("kind", ["manifest", "classes", "shard"])
def test_malformed_packages_give_one_line(script: Any, package: Path, tmp_path: Path, kind: str) -> None:
    """The fuzz's mutations; a crash would end this process."""
    folder = tmp_path / "cytoimagenet"
    refused = lines = 0
    for case in range(24):
        shutil.copytree(package, folder)
        MUTATIONS[kind](folder, np.random.default_rng((5, case)))
        for conditions in ({}, {"labels": "human"}):
            try:
                read_all(script, folder, **conditions)
            except (script.PackageError, script.ShardError) as error:
                refused += 1
                lines += str(error).count("\n")
        shutil.rmtree(folder)
    assert refused > 6  # of 48: most changes to a manifest are to what the script does not read
    assert not lines
