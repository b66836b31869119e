"""An opened package never gives the rows of a rebuild.

Even when it is rebuilt in place.
"""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cytoimagenet
from cytoimagenet import PackageError, ShardError
from cytoimagenet_reader.png.encoder import encode
from cytoimagenet_reader.remote.ranges import Ranges
from tests.loading.made_package import make_package
from tests.loading.server import Faults, serving

NAMES = {"organism": ("human", "mouse"), "compound": ("dmso", "taxol")}


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Make three builds that differ in rows only.

    Their classes and files are the same; not to be changed.
    """
    folder = tmp_path_factory.mktemp("builds")
    options = {"classes": NAMES, "per_class": {"train": 12, "validation": 2}, "side": 6}
    one = make_package(folder / "one", seed=0, encode=lambda _: bytes(40), **options)  # type: ignore[arg-type]
    two = make_package(folder / "two", seed=1, encode=lambda _: bytes(40), **options)  # type: ignore[arg-type]
    three = make_package(folder / "three", seed=2, encode=encode, **options)  # type: ignore[arg-type]
    return [one, two, three]


def stream(place: Path | str, **filters: Any) -> Any:
    builder = cytoimagenet.CytoImageNet(data_dir=place, columns=["label", "idx"], **filters)
    return builder.as_streaming_dataset(split="train")


OPENED: dict[str, Callable[..., Any]] = {
    "open": lambda place, **f: cytoimagenet.open(place, columns=["label", "idx"], **f),
    "open, pickled": lambda place, **f: pickle.dumps(cytoimagenet.open(place, columns=["label", "idx"], **f)),
    "stream": stream,
    "stream, pickled": lambda place, **f: pickle.dumps(stream(place, **f)),
}


def rows(opened: Any) -> list[Any]:
    return list(pickle.loads(opened) if isinstance(opened, bytes) else opened)


def replace(place: Path, build: Path, how: str) -> None:
    """Put a build at the place of another."""
    if how == "new folder":
        shutil.rmtree(place)
        shutil.copytree(build, place)
        return
    for path in (p for p in build.rglob("*") if p.is_file()):
        there = place / path.relative_to(build)
        there.write_bytes(path.read_bytes())  # the same inode
        os.utime(there)


@pytest.mark.parametrize("way", OPENED)
@pytest.mark.parametrize("filters", [{}, {"labels": ["human"]}])
@pytest.mark.parametrize("how", ["new folder", "written over"])
@pytest.mark.parametrize("build", [1, 2])
def test_rebuilt_in_place(
    builds: list[Path], tmp_path: Path, way: str, filters: dict[str, Any], how: str, build: int
) -> None:
    place = Path(shutil.copytree(builds[0], tmp_path / "place"))
    opened = OPENED[way](place, **filters)
    replace(place, builds[build], how)
    with pytest.raises(PackageError, match="rebuilt since it was opened: open it again"):
        rows(opened)


@pytest.mark.parametrize("build", [1, 2])
def test_a_parquet_package_rebuilt_in_place(tmp_path: Path, build: int) -> None:
    options = {"classes": NAMES, "per_class": {"train": 12, "validation": 2}, "side": 6, "file_format": "parquet"}
    place, other = (
        make_package(tmp_path / f"{seed}", seed=seed, encode=lambda _: bytes(40), **options)  # type: ignore[arg-type]
        for seed in (0, build)
    )
    opened, pickled = (cytoimagenet.open(place) for _ in range(2))
    pickled = pickle.dumps(pickled)
    replace(place, other, "written over")
    for dataset in (opened, pickled):
        with pytest.raises(PackageError, match="rebuilt since it was opened: open it again"):
            rows(dataset)


@pytest.mark.parametrize("way", OPENED)
def test_another_copy_of_the_same_build_is_the_same(builds: list[Path], tmp_path: Path, way: str) -> None:
    place = Path(shutil.copytree(builds[0], tmp_path / "place"))
    wanted = rows(OPENED[way](place))
    opened = OPENED[way](place)
    replace(place, builds[0], "new folder")
    assert rows(opened) == wanted


@pytest.mark.parametrize("way", OPENED)
def test_a_changed_shard_of_the_same_build_is_refused(builds: list[Path], tmp_path: Path, way: str) -> None:
    place = Path(shutil.copytree(builds[0], tmp_path / "place"))
    opened = OPENED[way](place)
    name = "data/organism/train-00001-of-00003.arrow"
    shutil.copy(builds[1] / name, place / name)
    with pytest.raises(ShardError, match=r"organism/train-00001-.*changed since the package was opened"):
        rows(opened)


@pytest.mark.parametrize("moment", ["before the first batch", "between epochs"])
def test_a_loader_says_so_too(builds: list[Path], tmp_path: Path, moment: str) -> None:
    pytest.importorskip("torch")
    place = Path(shutil.copytree(builds[2], tmp_path / "place"))
    loader = cytoimagenet.loader(place, batch_size=8, size=6, threads=1)
    if moment == "between epochs":
        assert len(list(loader)) == 6
    replace(place, builds[1], "new folder")
    with pytest.raises(PackageError, match="rebuilt since it was opened"):
        list(loader)


@pytest.mark.parametrize("tags", [True, False])
@pytest.mark.parametrize("moment", ["before the first row", "between epochs"])
@pytest.mark.parametrize(("build", "filters"), [(1, {}), (1, {"labels": ["human"]}), (2, {})])
def test_rebuilt_at_its_url(
    builds: list[Path], tmp_path: Path, tags: bool, filters: dict[str, Any], moment: str, build: int
) -> None:
    pytest.importorskip("aiohttp")
    place = Path(shutil.copytree(builds[0], tmp_path / "place"))
    server = Faults()
    server.tags = tags
    with serving(place, server) as url:
        opened = stream(url, **filters)
        if moment == "between epochs":
            assert rows(opened) == rows(stream(builds[0], **filters))
        replace(place, builds[build], "new folder")
        with pytest.raises(PackageError, match="rebuilt since it was opened: open it again"):
            rows(opened)


@pytest.mark.parametrize("build", [1, 2])
def test_rebuilt_while_a_shard_is_read(builds: list[Path], tmp_path: Path, build: int) -> None:
    pytest.importorskip("aiohttp")
    place = Path(shutil.copytree(builds[0], tmp_path / "place"))
    with serving(place, Faults()) as url:
        package = cytoimagenet.Package(url)
        shard = package.shards[0]
        ranges = Ranges(package.url(shard.path), {}, package.check_of(shard))
        assert ranges.read(0, 10) == (place / shard.path).read_bytes()[:10]
        replace(place, builds[build], "new folder")
        with pytest.raises(PackageError, match="rebuilt since it was opened"):
            ranges.read(10, 20)


def test_a_remote_shard_that_changes_alone_is_refused(builds: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    place = Path(shutil.copytree(builds[0], tmp_path / "place"))
    name = "data/organism/train-00001-of-00003.arrow"
    with serving(place, Faults()) as url:
        opened = stream(url)
        assert len(rows(opened)) == 48
        (place / name).write_bytes((place / name).read_bytes().replace(b"human", b"mouse"))
        with pytest.raises(ShardError, match=r"organism/train-00001-.*changed while it was read"):
            rows(opened)
        with pytest.raises(ShardError, match=r"organism/train-00001-.*its sha256 is not the manifest's"):
            rows(stream(url))


def test_a_row_of_another_class_than_the_table_says_is_an_error(builds: list[Path], tmp_path: Path) -> None:
    """A label without an id is never handed out.

    Here the table of all rows is that of another build.
    """
    place = Path(shutil.copytree(builds[0], tmp_path / "place"))
    shutil.copy(builds[1] / "metadata.parquet", place / "metadata.parquet")
    opened = cytoimagenet.open(place, columns=["label", "idx"], labels=["human"])
    with pytest.raises(ShardError, match=r"holds a class that metadata\.parquet"):
        list(opened)
