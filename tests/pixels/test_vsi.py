"""Olympus VSI; expected planes are those that were written."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from builder.errors import RejectedError, UnavailableError
from builder.pixels.formats.vsi import VsiFiles
from builder.pixels.read import MAX_PROJECTION, MIDDLE_PLANE, read, read_channels
from builder.sources.common.folder import Folder
from builder.stages.standardize.channels import ChannelReader, Read
from builder.stages.standardize.item import Item
from tests.pixels.vsi_files import jpeg, jpeg2000, write_vsi

pytest.importorskip("slideio", reason="slideio has no wheels for Linux on ARM")

STACK = "stack1/frame_t.ets"


def pixels(*shape: int, dtype: type = np.uint16) -> np.ndarray:
    return np.random.default_rng(9).integers(1, 250, shape).astype(dtype)


def files(path: Path) -> VsiFiles:
    folder = path.parent / f"_{path.stem}_"
    found = {str(file.relative_to(folder).as_posix()): file.read_bytes() for file in folder.rglob("*.ets")}
    return VsiFiles(path.read_bytes(), found)


def plane(read_from: VsiFiles, number: int) -> np.ndarray:
    [channel] = read_channels(read_from, number)
    return channel


@pytest.fixture
def small(tmp_path: Path) -> VsiFiles:
    write_vsi(tmp_path / "a.vsi", [pixels(1, 2, 1, 70, 80)])
    return files(tmp_path / "a.vsi")


def test_planes_are_counted_by_image_time_channel_and_z(tmp_path: Path) -> None:
    first, second = pixels(2, 3, 2, 100, 150), pixels(1, 1, 1, 90, 140, dtype=np.uint8)
    write_vsi(tmp_path / "a.vsi", [first, second], overview=True)
    found = files(tmp_path / "a.vsi")
    flat = first.transpose(2, 0, 1, 3, 4).reshape(-1, 100, 150)
    for number in (0, 1, 3, 6, 11):
        np.testing.assert_array_equal(plane(found, number), flat[number])
    assert plane(found, 12).dtype == np.uint8
    np.testing.assert_array_equal(plane(found, 12), second[0, 0, 0])
    with pytest.raises(RejectedError, match="plane 13 of 13"):  # the overview is none
        plane(found, 13)
    np.testing.assert_array_equal(plane(found, MIDDLE_PLANE), flat[6])


def test_the_largest_value_over_all_planes(small: VsiFiles) -> None:
    np.testing.assert_array_equal(plane(small, MAX_PROJECTION), pixels(1, 2, 1, 70, 80)[0, :, 0].max(axis=0))


def test_compressed_tiles_are_read(tmp_path: Path) -> None:
    made = pixels(1, 1, 1, 70, 80)
    write_vsi(tmp_path / "a.vsi", [made], jpeg2000)
    np.testing.assert_array_equal(plane(files(tmp_path / "a.vsi"), 0), made[0, 0, 0])


def test_colour_is_red_green_blue(tmp_path: Path) -> None:
    across, down = np.meshgrid(np.linspace(0, 250, 80), np.linspace(0, 250, 70))
    made = np.stack([across, down, np.full_like(down, 90)], axis=2).astype(np.uint8)[None, None, None]
    write_vsi(tmp_path / "a.vsi", [made], jpeg)
    found = plane(files(tmp_path / "a.vsi"), 0)
    assert found.shape == (70, 80, 3)
    apart = np.abs(found.astype(int) - made[0, 0, 0])[:56, :56]  # of the rest JPEG mixes in what is behind the edge
    assert apart.max() < 12


def read_all(data: str) -> list[Read]:
    with ChannelReader(data, {}, 100_000) as reader:
        return list(reader.read_all([Item("s-1", "s", ("a.vsi", "a.vsi"), (1, 0), None, 1, 7)]))


def test_a_build_finds_the_pixels_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    made = pixels(1, 2, 1, 70, 80)
    write_vsi(tmp_path / "s/a.vsi", [made])
    [found] = read_all(str(tmp_path))
    np.testing.assert_array_equal(found.channels, made[0, ::-1, 0])
    (tmp_path / "s/_a_" / STACK).unlink()
    [found] = read_all(str(tmp_path))
    assert "0 .ets files in stack1" in found.left_out[0]


def test_a_change_of_pixels_is_a_change_of_the_file(tmp_path: Path) -> None:
    write_vsi(tmp_path / "a.vsi", [pixels(1, 1, 1, 70, 80)])
    before = Folder.listed(str(tmp_path)).file_signature(["a.vsi"])
    assert Folder.listed(str(tmp_path)).file_signature(["a.vsi"]) == before
    with (tmp_path / "_a_" / STACK).open("ab") as file:
        file.write(b"\0")
    assert Folder.listed(str(tmp_path)).file_signature(["a.vsi"]) != before


def without_a_tile(content: bytes) -> bytes:
    (count,) = struct.unpack_from("<I", content, 40)
    return content[:40] + struct.pack("<I", count - 1) + content[44:]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content[: len(content) // 2], "VSI: "),
        (lambda content: content[:-3], "VSI: "),
        (lambda content: content.replace(struct.pack("<I", 64 * 64 * 2), struct.pack("<I", 8000)), "not whole"),
        (lambda content: content.replace(struct.pack("<I", 64 * 64 * 2), struct.pack("<I", 1 << 30)), "was cut"),
        (without_a_tile, "7 tiles of 8.*bioformats2raw"),
        (lambda _: b"SIS\0", "VSI: "),
    ],
)
def test_pixel_files_that_are_not_whole_are_refused(
    small: VsiFiles, damage: Callable[[bytes], bytes], says: str
) -> None:
    with pytest.raises(RejectedError, match=f"unreadable: .*{says}"):
        read_channels(small._replace(stacks={STACK: damage(small.stacks[STACK])}))


def test_an_image_that_is_taken_for_another_is_refused(tmp_path: Path) -> None:
    write_vsi(tmp_path / "a.vsi", [pixels(1, 1, 1, 50, 60), pixels(1, 1, 1, 40, 30)])
    found = files(tmp_path / "a.vsi")  # of one tile each: slideio tells images by their tiles
    assert [plane(found, number).shape for number in (0, 1)] == [(50, 60), (40, 30)]
    unlike = found.header.replace(struct.pack("<ii", 259, 2053), struct.pack("<ii", 267, 2053))
    found = found._replace(header=unlike)
    with pytest.raises(RejectedError, match=r"stack 2 is taken for another image.*bioformats2raw"):
        plane(found, 1)


def test_sizes_are_checked_before_pixels_are_read(small: VsiFiles) -> None:
    with pytest.raises(RejectedError, match="too_large: 80 x 70 pixels, the limit is 5599"):
        read_channels(small, 0, 5599)


def test_a_vsi_alone_is_no_overview(small: VsiFiles) -> None:
    with pytest.raises(RejectedError, match=r"beside which its pixels would lie.*bioformats2raw"):
        read(small.header)
    with pytest.raises(RejectedError, match=r"no cellSens metadata.*bioformats2raw"):
        read_channels(small._replace(header=b"II*\0" + bytes(100)))


def test_without_slideio_a_vsi_is_a_fault_that_names_the_extra(
    small: VsiFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "slideio", None)
    with pytest.raises(UnavailableError, match=r"slideio, which is not installed .*cytoimagenet\[formats\]"):
        read_channels(small)
