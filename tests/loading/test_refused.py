"""What is no package, damaged or not there.

One clear error from the class and from ``open``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cytoimagenet
from cytoimagenet import CytoImageNet, PackageError, ShardError
from cytoimagenet_reader.package import Package, reading
from tests.loading.made_package import write_stream
from tests.loading.streamed import streamed

ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"config": "gene"}, "no 'gene'; it has full, organism, phenotype, compound"),
    ({"config": "nonsense"}, "no 'nonsense'; it has full"),
    ({"split": "test"}, "no split 'test' in 'full'; there are train, validation"),
    ({"labels": ["human", "humn"]}, "no class 'humn' in 'full'"),
    ({"columns": ["imge"]}, "no column imge; there are image, label"),
    ({"databases": ["CIL"]}, "has 'CIL' in database; there are BBBC, IDR, Recursion"),
    ({"databases": ["BBBC"], "licenses": "CC-BY-4.0"}, r"nothing in 'full' of .* passes databases=\['BBBC'\]"),
]


@pytest.mark.parametrize(("asked", "message"), ERRORS)
def test_what_is_not_there_is_said_with_what_is(package: Path, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(PackageError, match=message):
        cytoimagenet.open(package, **asked)


def test_a_folder_that_is_no_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=f"{tmp_path} is not a cytoimagenet package"):
        cytoimagenet.open(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "classes.json").write_text("{}")
    with pytest.raises(PackageError, match=r"manifest\.json cannot be used: Object missing required field"):
        cytoimagenet.open(tmp_path)
    with pytest.raises(PackageError, match="give data_dir="):
        CytoImageNet("organism")


SHARD = "data/organism/train-00001-of-00003.arrow"


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _shorten(path: Path) -> None:  # whole batches are missing, which Arrow does not notice
    table = pa.ipc.open_stream(path.read_bytes()).read_all()
    write_stream(path, table.slice(0, 7), 7)


@pytest.mark.parametrize("damage", [Path.unlink, _truncate, _shorten], ids=["missing", "truncated", "short"])
def test_a_damaged_shard_is_named(
    own_package: Callable[[], Path], tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    folder = own_package()
    damage(folder / SHARD)
    with pytest.raises(ShardError, match=SHARD):
        cytoimagenet.open(folder, "organism")
    with pytest.raises(ShardError, match=SHARD):
        list(streamed(folder, tmp_path / "cache", "organism"))


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("name", [SHARD, "manifest.json", "classes.json", "metadata.parquet", "data"])
def test_a_link_out_of_the_package_is_refused(own_package: Callable[[], Path], tmp_path: Path, name: str) -> None:
    folder, elsewhere = own_package(), tmp_path / "elsewhere"
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    refused = pytest.raises(PackageError, match=f"{name}.* is a link to a file outside; put the file itself there")
    with refused:
        cytoimagenet.open(folder)
    with refused:
        list(streamed(folder, tmp_path / "cache", "full"))
    with refused:
        cytoimagenet.Package(folder)  # as loader does, which needs PyTorch


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_pipe_is_refused(own_package: Callable[[], Path]) -> None:
    folder = own_package()
    (folder / SHARD).unlink()
    os.mkfifo(folder / SHARD)
    with pytest.raises(PackageError, match=f"{SHARD} is no file"):
        cytoimagenet.open(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("below", ["", "sub/folder"])
def test_the_links_of_the_hubs_cache_are_followed(package: Path, tmp_path: Path, below: str) -> None:
    repo = tmp_path / "datasets--someone--cytoimagenet"
    (repo / "blobs").mkdir(parents=True)
    snapshot = repo / "snapshots/0123abcd" / below
    for number, path in enumerate(sorted(p for p in package.rglob("*") if p.is_file())):
        link = snapshot / path.relative_to(package)
        link.parent.mkdir(parents=True, exist_ok=True)
        (repo / f"blobs/{number}").write_bytes(path.read_bytes())
        link.symlink_to(os.path.relpath(repo / f"blobs/{number}", link.parent))
    (tmp_path / "a link to the folder").symlink_to(snapshot)
    expected = cytoimagenet.open(package, "organism")["filename"][:]
    for place in (snapshot, tmp_path / "a link to the folder"):
        assert cytoimagenet.open(place, "organism")["filename"][:] == expected
        rows = list(streamed(place, tmp_path / "cache", "organism"))
        assert sorted(row["filename"] for row in rows) == sorted(expected)


def test_a_flipped_byte_is_found_when_a_copy_is_made(own_package: Callable[[], Path], tmp_path: Path) -> None:
    folder = own_package()
    data = bytearray((folder / SHARD).read_bytes())
    data[-500] ^= 1
    (folder / SHARD).write_bytes(bytes(data))
    builder = CytoImageNet("organism", data_dir=folder, cache_dir=str(tmp_path / "cache"))
    with pytest.raises(ShardError, match=f"{SHARD}: its sha256 is not the manifest's"):
        builder.download_and_prepare()


def test_a_class_that_classes_json_does_not_name_is_refused(own_package: Callable[[], Path], tmp_path: Path) -> None:
    folder = own_package()
    classes = json.loads((folder / "classes.json").read_text())
    classes["organism"]["names"].remove("mouse")
    for counts in classes["organism"]["counts"].values():
        del counts["mouse"]
    (folder / "classes.json").write_text(json.dumps(classes))
    with pytest.raises(ShardError, match=r"train-00000-of-00003\.arrow: it holds a class that classes\.json does not"):
        cytoimagenet.open(folder, "organism")[0]
    with pytest.raises(ShardError, match=r"arrow: it holds class 'mouse', which classes\.json does not name"):
        list(streamed(folder, tmp_path, "organism"))
    pytest.importorskip("torch")
    with pytest.raises(ShardError, match=r"arrow: it holds class 'mouse', which classes\.json does not name"):
        list(cytoimagenet.loader(folder, "organism"))


def test_a_type_that_arrow_does_not_know_is_a_shard_error(own_package: Callable[[], Path]) -> None:
    package = Package(str(own_package()))
    fault = pytest.raises(ShardError, match=f"{package.shards[0].path}: ArrowNotImplementedError: 7 bits")
    with fault, reading(package, package.shards[0]):
        raise pa.ArrowNotImplementedError("7 bits")
