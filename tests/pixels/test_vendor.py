"""CZI, ND2 and LIF give the planes that were written."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from builder.errors import RejectedError, UnavailableError
from builder.pixels.read import MAX_PROJECTION, MIDDLE_PLANE, read, read_channels
from tests.pixels.vendor_files import czi_file, lif_file, nd2_file


def pixels(*shape: int, dtype: type = np.uint16) -> np.ndarray:
    return np.random.default_rng(8).integers(1, 200, shape).astype(dtype)


def test_planes_of_a_czi_are_counted_by_scene_time_channel_and_z(tmp_path: Path) -> None:
    made = pixels(2, 2, 2, 3, 20, 30)
    data = czi_file(tmp_path / "a.czi", made)
    flat = made.reshape(-1, 20, 30)
    for plane in (0, 1, 3, 7, 12, 23):
        np.testing.assert_array_equal(read(data, plane), flat[plane])
    with pytest.raises(RejectedError, match="plane 24 of 24"):
        read(data, 24)
    np.testing.assert_array_equal(read(data, MIDDLE_PLANE), flat[12])
    np.testing.assert_array_equal(read(data, MAX_PROJECTION), flat.max(axis=0))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_czi_keeps_its_depth(tmp_path: Path, dtype: type) -> None:
    made = pixels(1, 1, 1, 1, 20, 30, dtype=dtype)
    found = read(czi_file(tmp_path / "a.czi", made))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, made[0, 0, 0, 0])


def test_a_colour_czi_comes_as_red_green_blue(tmp_path: Path) -> None:
    made = pixels(1, 1, 1, 1, 20, 30, 3, dtype=np.uint8)
    np.testing.assert_array_equal(read(czi_file(tmp_path / "a.czi", made)), made[0, 0, 0, 0, ..., ::-1])


@pytest.mark.parametrize("loops", ["T", "Z"])
def test_planes_of_an_nd2_are_counted_by_time_channel_and_z(loops: str) -> None:
    made = pixels(3, 20, 30, 2)
    data = nd2_file(made, loops)
    flat = [made[f, ..., c] for c in range(2) for f in range(3)]
    flat = flat if loops == "Z" else [made[f, ..., c] for f in range(3) for c in range(2)]
    for plane, wanted in enumerate(flat):
        np.testing.assert_array_equal(read(data, plane), wanted)
    with pytest.raises(RejectedError, match="plane 6 of 6"):
        read(data, 6)


def test_a_frame_that_an_nd2_does_not_hold_is_refused() -> None:
    data = nd2_file(pixels(3, 20, 30, 1), "T")
    with pytest.raises(RejectedError, match="frame 1 is not there"):
        read(data.replace(b"ImageDataSeq|1!", b"ImageDataSeq|7!"), 1)


def test_planes_of_a_lif_are_counted_by_series_time_channel_and_z() -> None:
    first, second = pixels(2, 2, 3, 20, 30), pixels(1, 1, 1, 25, 35, dtype=np.uint8)
    data = lif_file({"Series 1": first, "Series 2": second})
    flat = first.reshape(-1, 20, 30)
    for plane in (0, 2, 3, 11):
        np.testing.assert_array_equal(read(data, plane), flat[plane])
    np.testing.assert_array_equal(read(data, 12), second[0, 0, 0])
    with pytest.raises(RejectedError, match="plane 13 of 13"):
        read(data, 13)


def files(tmp_path: Path) -> dict[str, bytes]:
    return {
        "pylibCZIrw": czi_file(tmp_path / "a.czi", pixels(1, 1, 1, 1, 20, 30)),
        "nd2": nd2_file(pixels(1, 20, 30, 1)),
        "liffile": lif_file({"a": pixels(1, 1, 1, 20, 30)}),
    }


def test_files_that_were_cut_are_refused_or_lack_nothing_that_is_read(tmp_path: Path) -> None:
    for library, data in files(tmp_path).items():
        whole = read(data)
        for size in (len(data) - 1, len(data) - 500, len(data) // 2, 40):
            try:
                found = read(data[:size])
            except RejectedError as error:
                assert str(error).startswith("unreadable")  # noqa: PT017 - whether it is refused depends on the size
                continue
            assert library == "pylibCZIrw"  # behind whose pixels there is more
            np.testing.assert_array_equal(found, whole)


def test_sizes_are_checked_before_pixels_are_read(tmp_path: Path) -> None:
    for data in files(tmp_path).values():
        with pytest.raises(RejectedError, match="too_large: 30 x 20 pixels, the limit is 599"):
            read_channels(data, 0, 599)


def test_without_its_library_a_format_is_a_fault_that_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library, data in files(tmp_path).items():
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(UnavailableError, match=rf"{library}, which is not installed .*cytoimagenet\[formats\]"):
            read(data)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"SIS\0", "Olympus ETS.*name the .vsi"),
        (b"\xd0\xcf\x11\xe0", "OLE container.*bioformats2raw"),
        (b"\x89HDF\r\n\x1a\n", "HDF5.*Imaris.*bioformats2raw"),
    ],
)
def test_what_is_not_read_says_what_to_do(head: bytes, said: str) -> None:
    with pytest.raises(RejectedError, match=said):
        read(head + bytes(100))
