"""Arrays of many files follow the rules of fetching.

Faults of the machine are none of the image's.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pytest

from builder.engine.store import Store
from builder.sources.common.folder import Folder
from builder.sources.common.ome_zarr import OmeImage, ome_images
from builder.stages.standardize.channels import ChannelReader, Read
from builder.stages.standardize.item import Item
from tests.sources.ome_zarr_files import stack, write_image, zipped

DATA = stack((2, 2, 24, 30), seed=5)  # c, z, y, x: four chunks a plane
CHUNKS = (1, 1, 12, 15)


pytestmark = pytest.mark.usefixtures("no_patience")


@pytest.fixture
def image(tmp_path: Path) -> OmeImage:
    write_image(tmp_path / "s/a.zarr", DATA, "czyx", "0.5", chunks=CHUNKS)
    return listed(str(tmp_path / "s"))


def listed(root: str) -> OmeImage:
    [found] = ome_images(Folder.listed(root)).values()
    return found


def item(image: OmeImage, *planes: int, idx: int = 1, **options: object) -> Item:
    return Item(f"s-{idx}", "s", (image.key(**options),) * len(planes), planes, None, 1, 7)  # type: ignore[arg-type]


def read(data: str, *items: Item) -> list[Read]:
    with ChannelReader(data, {}, 100_000) as reader:
        return list(reader.read_all(items))


def chunk(tmp_path: Path, *place: int) -> Path:
    return tmp_path / "s/a.zarr/0/c" / "/".join(map(str, place))


@pytest.mark.parametrize("where", ["folder", "archive", "remote folder", "remote archive"])
def test_planes_are_the_same_wherever_the_store_lies(tmp_path: Path, image: OmeImage, where: str) -> None:
    data = str(tmp_path)
    if "archive" in where:
        zipped(tmp_path / "s/a.zarr", tmp_path / "s/a.ozx")
    if "remote" in where:
        memory = fsspec.filesystem("memory")
        data = f"memory://{tmp_path.name}"
        memory.put(str(tmp_path / "s"), f"/{tmp_path.name}/s", recursive=True)
        shutil.rmtree(tmp_path / "s")
    found = listed(f"{data}/s")
    assert found.listed == image.listed
    [one] = read(data, item(found, 0, 2))  # apart: all handles of a file in fsspec's memory share one position
    [two] = read(data, item(found, 3, idx=2))
    for channel, wanted in zip([*one.channels, *two.channels], [DATA[0, 0], DATA[1, 0], DATA[1, 1]], strict=True):
        np.testing.assert_array_equal(channel, wanted)
    [projected] = read(data, item(found, 2, project=2))
    np.testing.assert_array_equal(projected.channels[0], DATA[1].max(axis=0))


def test_a_chunk_that_is_gone_since_it_was_listed_is_a_fault(tmp_path: Path, image: OmeImage) -> None:
    chunk(tmp_path, 1, 1, 0, 0).unlink()
    [found] = read(str(tmp_path), item(image, 0, fill=True))  # even of another plane: the copy is being changed
    assert "not those that were listed" in str(found.unavailable)
    assert found.channels == found.left_out == []


def test_a_chunk_that_was_never_there_is_a_fact(tmp_path: Path, image: OmeImage) -> None:
    chunk(tmp_path, 0, 0, 0, 0).unlink()
    image = listed(str(tmp_path / "s"))
    refused, other, filled = read(
        str(tmp_path), item(image, 0), item(image, 1, idx=2), item(image, 0, idx=3, fill=True)
    )
    assert "1 of 4 chunks of plane 0 have no file" in refused.left_out[0]
    assert refused.unavailable is None
    np.testing.assert_array_equal(other.channels[0], DATA[0, 1])
    assert not filled.channels[0][:12, :15].any()
    np.testing.assert_array_equal(filled.channels[0][12:], DATA[0, 0, 12:])


def test_a_broken_chunk_is_a_fact_about_its_plane_only(tmp_path: Path, image: OmeImage) -> None:
    chunk(tmp_path, 0, 0, 1, 1).write_bytes(b"no chunk")
    broken, whole = read(str(tmp_path), item(image, 0), item(image, 2, idx=2))
    assert broken.unavailable is None
    assert broken.left_out[0].split("?")[0] == "a.zarr/0"
    assert "unreadable: zarr" in broken.left_out[0]
    np.testing.assert_array_equal(whole.channels[0], DATA[1, 0])


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_chunk_that_cannot_be_read_is_a_fault(
    tmp_path: Path, image: OmeImage, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    plain = Store.read_bytes

    def failing(store: Store, rel: str) -> bytes:
        if rel.endswith("c/0/0/1/0"):
            raise OSError(code, os.strerror(code))
        return plain(store, rel)

    monkeypatch.setattr(Store, "read_bytes", failing)
    found, other = read(str(tmp_path), item(image, 0), item(image, 1, idx=2))
    assert os.strerror(code) in str(found.unavailable)
    np.testing.assert_array_equal(other.channels[0], DATA[0, 1])


def test_an_archive_that_is_torn_or_damaged_is_a_fact(tmp_path: Path, image: OmeImage) -> None:
    zipped(tmp_path / "s/a.zarr", tmp_path / "s/a.ozx")
    image = listed(str(tmp_path / "s"))
    content = (tmp_path / "s/a.ozx").read_bytes()
    place = content.index(b"0/c/0/0/0/0") + 40
    (tmp_path / "s/a.ozx").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    [damaged] = read(str(tmp_path), item(image, 0))
    assert "Bad CRC-32" in damaged.left_out[0]
    (tmp_path / "s/a.ozx").write_bytes(content[:-30])
    [torn] = read(str(tmp_path), item(image, 0))
    assert "not a zip file" in torn.left_out[0]


def test_a_chunk_of_too_many_bytes_is_not_read(tmp_path: Path, image: OmeImage) -> None:
    with chunk(tmp_path, 0, 0, 0, 0).open("r+b") as file:
        file.truncate(100_000 * 16 + 1)
    [found] = read(str(tmp_path), item(image, 0))
    assert "too_large" in found.left_out[0]
