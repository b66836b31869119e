"""CZI, ND2 and LIF, through libraries of the extra ``formats``.

Planes are numbered by scene (position, series), time, channel and z, the last changing fastest. Of a pyramid the full
resolution is read, of tiles the whole that they make.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from builder.engine.localfiles import spooled
from builder.errors import UnavailableError
from builder.pixels.formats import limits

_CZI, _ND2, _LIF = b"ZISRAWFILE", b"\xda\xce\xbe\x0a", b"\x70\0\0\0"
_HOW: Final = "pip install 'cytoimagenet[formats]'"

ReadOne = Callable[[int], limits.Plane]


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as one of these."""
    return data.startswith((_CZI, _ND2)) or (data.startswith(_LIF) and data[8:9] == b"\x2a")


def decode(data: bytes, plane: int, max_pixels: int) -> limits.Plane:
    """Return a plane at its own depth.

    Raises
    ------
    UnavailableError
        Where the library that reads it is not installed, or there is no room for a copy of a CZI on disk.
    """
    opened = _czi if data.startswith(_CZI) else _nd2 if data.startswith(_ND2) else _lif
    with opened(data, max_pixels) as (count, read_one):
        return limits.pick(count, plane, read_one)


@contextlib.contextmanager
def _needing(kind: str, library: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise UnavailableError(f"{kind} is read by {library}, which is not installed ({error}): {_HOW}") from None


@contextlib.contextmanager
def _czi(data: bytes, max_pixels: int) -> Iterator[tuple[int, ReadOne]]:
    with _needing("Zeiss CZI", "pylibCZIrw"):
        from pylibCZIrw import czi
    with contextlib.ExitStack() as stack:
        try:
            file, path = stack.enter_context(spooled())  # Zeiss's library opens nothing but a file
            file.write(data)
            file.flush()
        except OSError as error:
            raise UnavailableError(f"a CZI cannot be copied to the temporary folder ({error}); set TMPDIR") from None
        image = stack.enter_context(czi.open_czi(str(path)))
        box, scenes = image.total_bounding_box, sorted(image.scenes_bounding_rectangle)
        sizes = [max(1, len(scenes)), *(box.get(axis, (0, 1))[1] - box.get(axis, (0, 1))[0] for axis in "TCZ")]

        def read_one(number: int) -> limits.Plane:
            scene, t, c, z = (int(place) for place in np.unravel_index(number, sizes))
            rectangles = image.scenes_bounding_rectangle
            place = rectangles[scenes[scene]] if scenes else image.total_bounding_rectangle
            limits.check_size(place.w, place.h, max_pixels, _CZI_BYTES.get(image.get_channel_pixel_type(c), 4))
            position = {axis: value + box.get(axis, (0, 1))[0] for axis, value in (("T", t), ("C", c), ("Z", z))}
            pixels = image.read(plane=position, roi=tuple(place))
            return _plane(pixels[..., ::-1] if pixels.shape[-1] == 3 else pixels)  # blue comes first

        yield math.prod(sizes), read_one


_CZI_BYTES: Final = {"Gray8": 1, "Gray16": 2, "Gray32Float": 4, "Bgr24": 3, "Bgr48": 6}


@contextlib.contextmanager
def _nd2(data: bytes, max_pixels: int) -> Iterator[tuple[int, ReadOne]]:
    with _needing("Nikon ND2", "nd2"):
        import nd2
    with nd2.ND2File(io.BytesIO(data)) as image:
        sizes = dict(image.sizes)
        loops = [axis for axis in sizes if axis not in "CYXS"]
        others = [axis for axis in loops if axis not in "PTZ"]
        if others:
            raise limits.unreadable(f"Nikon ND2 with the axes {', '.join(sizes)}")
        samples = sizes.get("S", 1)
        limits.check_size(sizes["X"], sizes["Y"], max_pixels, image.dtype.itemsize * samples)

        def read_one(number: int) -> limits.Plane:
            position = _place(number, sizes)
            frame = 0
            for axis in loops:
                frame = frame * sizes[axis] + position[axis]
            pixels = image.read_frame(frame).reshape(sizes.get("C", 1), sizes["Y"], sizes["X"], samples)[position["C"]]
            if not pixels.any():  # what the library gives for a frame that the file does not hold
                raise limits.unreadable(f"Nikon ND2 whose frame {frame} is not there, or blank")
            return _plane(pixels)

        yield _count(sizes), read_one


@contextlib.contextmanager
def _lif(data: bytes, max_pixels: int) -> Iterator[tuple[int, ReadOne]]:
    with _needing("Leica LIF", "liffile"):
        import liffile
    with liffile.LifFile(io.BytesIO(data)) as file:
        series = list(file.images)
        counts = [_count(image.sizes) for image in series]

        def read_one(number: int) -> limits.Plane:
            before = np.cumsum([0, *counts])
            place = int(np.searchsorted(before, number, "right")) - 1
            image, number = series[place], number - int(before[place])
            sizes = image.sizes
            others = [axis for axis, size in sizes.items() if axis not in "TCZYXS" and size > 1]
            if others or not {"Y", "X"} <= sizes.keys():
                raise limits.unreadable(f"Leica image with the axes {', '.join(sizes)}")
            limits.check_size(sizes["X"], sizes["Y"], max_pixels, image.dtype.itemsize * sizes.get("S", 1))
            position = _place(number, sizes)
            whole = image.asarray()
            pixels = whole[tuple(slice(None) if axis in "YXS" else position.get(axis, 0) for axis in image.dims)]
            order = [axis for axis in image.dims if axis in "YXS"]
            return _plane(np.moveaxis(pixels, [order.index("Y"), order.index("X")], [0, 1]))

        yield sum(counts), read_one


def _count(sizes: Mapping[str, int]) -> int:
    return math.prod(sizes.get(axis, 1) for axis in "PTCZ")


def _place(number: int, sizes: Mapping[str, int]) -> dict[str, int]:
    found = np.unravel_index(number, [sizes.get(axis, 1) for axis in "PTCZ"])
    return {axis: int(place) for axis, place in zip("PTCZ", found, strict=True)}


def _plane(pixels: Any) -> limits.Plane:
    """Return pixels, with samples last if any, as a plane."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim == 3 and pixels.shape[2] not in (3, 4):
        return limits.Plane(tuple(np.moveaxis(pixels, 2, 0)))
    return limits.Plane((pixels,))
