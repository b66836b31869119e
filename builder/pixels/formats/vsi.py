"""Olympus cellSens images (VSI), through slideio of the extra ``formats``.

A ``.vsi`` is a TIFF of an overview with a tree of tagged metadata; each image's tiles lie in
``_NAME_/stackN/frame_t.ets`` beside it. There is no public specification. Layout: slideio's driver
(https://github.com/Booritas/slideio, ``src/slideio/drivers/vsi``). slideio tells which image an ``.ets`` is
by the number of its tiles, in the order of the folder, and does not check that tiles are whole: so each is read alone,
from a copy in which images of other sizes have none, what it is taken for is compared with what the metadata say, and
its table of tiles is checked first.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from builder.engine.localfiles import scratch_folder
from builder.errors import UnavailableError
from builder.pixels.formats import limits

_CONVERT: Final = "convert it with `bioformats2raw NAME.vsi NAME.zarr`"
_HOW: Final = "pip install 'cytoimagenet[formats]' (not on Linux on ARM)"
_TREE: Final = struct.pack("<HH", 24, 21321)  # how metadata begin, behind the header of a TIFF
_COLLECTION, _IMAGE, _FRAME, _PROPERTIES, _DIMENSION, _CHANNEL = 2000, 2001, 2002, 2005, 2007, 2008
_MEANING, _KIND, _EXTERNAL, _BOUNDARY, _HAS_EXTERNAL = 2023, 2074, 2018, 2053, 20005
_IMAGES: Final = ("0", "64")  # acquired, and of extended focus; others are overviews, masks and maps
_AXES: Final = {"1": "Z", "2": "T", "4": "C"}
_ITEMSIZES: Final = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 9: 4, 10: 8}
_RAW: Final = 0
_RECTANGLES: Final = re.compile(re.escape(struct.pack("<ii", 259, _BOUNDARY)) + b".{4}\\x10\0\0\0(.{16})", re.DOTALL)


class VsiFiles(NamedTuple):
    """A ``.vsi`` and its pixel files.

    ``stacks`` has the content of each ``.ets``, by path below ``_NAME_``.
    """

    header: bytes
    stacks: Mapping[str, bytes]

    @property
    def size(self) -> int:
        """Return the bytes of the largest pixel file."""
        return max(map(len, self.stacks.values()), default=0)


class _Stack(NamedTuple):
    """An image: folder number, size, axes in order of coordinates."""

    number: int
    width: int
    height: int
    axes: tuple[str, ...]


class _Tiles(NamedTuple):
    """Facts of an ``.ets``: extents, samples and their bytes."""

    sizes: dict[str, int]
    samples: int
    itemsize: int


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a ``.vsi``."""
    return data.startswith(b"II*\0") and data[8:12] == _TREE


def decode(data: bytes, plane: int, max_pixels: int) -> limits.Plane:
    """Refuse a ``.vsi`` without its pixel files."""
    raise limits.unreadable(f"a VSI under another name than NAME.vsi, beside which its pixels would lie; {_CONVERT}")


def decode_files(files: VsiFiles, plane: int, max_pixels: int) -> limits.Plane:
    """Return a plane at its own depth.

    Planes are numbered by image (stack), time, channel and z, the last changing fastest.

    Raises
    ------
    RejectedError
        For what is not whole, or what slideio takes for another image.
    UnavailableError
        Where slideio is not installed, or there is no room for a copy on disk.
    """
    slideio = _module()
    if not matches(files.header):
        raise limits.unreadable(f"no cellSens metadata in it; {_CONVERT}")
    try:
        with scratch_folder() as folder:
            path = Path(folder, "image.vsi")
            path.write_bytes(files.header)
            found = [
                (stack, content, _tiles(stack, content))
                for stack in _stacks(json.loads(slideio.open_slide(str(path), "VSI").raw_metadata))
                for content in (_content_of(stack, files.stacks),)
            ]
            if not found:
                raise limits.unreadable(f"no image in .ets files; {_CONVERT}")

            def read_one(number: int) -> limits.Plane:
                for stack, content, tiles in found:
                    if number < math.prod(tiles.sizes.values()):
                        limits.check_size(stack.width, stack.height, max_pixels, tiles.itemsize * tiles.samples)
                        return _read(path, files.header, (stack, content, tiles), number)
                    number -= math.prod(tiles.sizes.values())
                raise AssertionError(number)

            return limits.pick(sum(math.prod(tiles.sizes.values()) for *_, tiles in found), plane, read_one)
    except OSError as error:
        raise UnavailableError(f"a VSI cannot be copied to the temporary folder ({error}); set TMPDIR") from None
    except (RuntimeError, ValueError, KeyError, IndexError, struct.error) as error:
        raise limits.unreadable(f"VSI: {type(error).__name__}: {error}; {_CONVERT}") from error


def _module() -> Any:
    try:
        import slideio
    except ImportError as error:
        raise UnavailableError(f"Olympus VSI is read by slideio, which is not installed ({error}): {_HOW}") from None
    return slideio


def _read(path: Path, header: bytes, one: tuple[_Stack, bytes, _Tiles], number: int) -> limits.Plane:
    stack, content, (sizes, samples, _) = one
    file = path.parent / "_image_" / "stack1" / "frame_t.ets"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    path.write_bytes(_without_others(header, (stack.width, stack.height)))
    slide = _module().open_slide(str(path), "VSI")
    if slide.num_scenes != 1:
        raise limits.unreadable(f"VSI whose stack {stack.number} is taken for no image; {_CONVERT}")
    scene = slide.get_scene(0)
    taken = tuple(scene.size), scene.num_channels, scene.num_z_slices, scene.num_t_frames
    if taken != ((stack.width, stack.height), sizes["C"] * samples, sizes["Z"], sizes["T"]):
        raise limits.unreadable(f"VSI whose stack {stack.number} is taken for another image; {_CONVERT}")
    t, c, z = (int(place) for place in np.unravel_index(number, [sizes[axis] for axis in "TCZ"]))
    chosen = [c] if samples == 1 else list(range(samples))
    pixels = np.array(scene.read_block(channel_indices=chosen, slices=(z, z + 1), frames=(t, t + 1)))
    return limits.Plane((pixels.reshape(stack.height, stack.width, *([samples] if samples > 1 else [])),))


def _without_others(header: bytes, size: tuple[int, int]) -> bytes:
    """Return metadata in which images of another size have none."""

    def blank(found: re.Match[bytes]) -> bytes:
        other = struct.unpack("<4i", found[1])[2:] != size
        return found[0][:-16] + bytes(16) if other else found[0]

    return _RECTANGLES.sub(blank, header)


def _stacks(tree: Mapping[str, Any]) -> Iterator[_Stack]:
    """Yield the images that metadata name, by number."""
    for image in sorted(_below(tree, _COLLECTION, _IMAGE), key=lambda image: int(image["secondTag"])):
        kinds = [str(kind["value"]) for kind in _below(image, _PROPERTIES, _KIND)] or [_IMAGES[0]]
        external = [flag for flag in _below(image, _FRAME, _EXTERNAL, _HAS_EXTERNAL) if str(flag["value"]) == "1"]
        if kinds[0] not in _IMAGES or not external:
            continue
        (boundary,) = _below(image, _FRAME, _EXTERNAL, _BOUNDARY)
        _, _, width, height = (int(side) for side in re.findall(r"-?\d+", boundary["value"]))
        axes = {}
        for dimension in _below(image, _DIMENSION):
            meanings = {str(meaning["value"]) for meaning in _below(dimension, _CHANNEL, _MEANING)}
            axes[int(dimension["secondTag"])] = _AXES.get("".join(meanings), "?")
        yield _Stack(
            int(image["secondTag"]),
            width,
            height,
            tuple(axes.get(position, "?") for position in range(max(axes, default=-1) + 1)),
        )


def _below(node: Mapping[str, Any], *tags: int) -> list[Mapping[str, Any]]:
    """Return the descendants along a path of tags."""
    found = [node]
    for tag in tags:
        found = [
            child for one in found if isinstance(one["value"], list) for child in one["value"] if child["tag"] == tag
        ]
    return found


def _content_of(stack: _Stack, files: Mapping[str, bytes]) -> bytes:
    found = [content for name, content in files.items() if name.startswith(f"stack{stack.number}/")]
    if len(found) != 1:
        raise limits.unreadable(
            f"VSI with {len(found)} .ets files in stack{stack.number}: is the folder _NAME_ beside it whole?"
        )
    return found[0]


def _tiles(stack: _Stack, content: bytes) -> _Tiles:
    """Return a pixel file's facts; reject what is cut."""
    magic, _, _, dimensions, second, _, _, table, count = struct.unpack_from("<4sIIIQIIQI", content)
    kind, samples, _, coding, _, tile_width, tile_height, _ = struct.unpack_from("<8I", content, second + 8)
    if magic != b"SIS\0" or content[second : second + 4] != b"ETS\0" or kind not in _ITEMSIZES or dimensions < 3:
        raise limits.unreadable(f"ETS of stack {stack.number} with pixels of kind {kind} in {dimensions} dimensions")
    if samples not in (1, 3) or (coding == _RAW and samples == 3) or not tile_width or not tile_height:
        raise limits.unreadable(f"ETS with {samples} samples side by side, compression {coding}; {_CONVERT}")
    fields = [("_", "<u4"), ("at", "<i4", (dimensions,)), ("offset", "<u8"), ("size", "<u4"), ("_end", "<u4")]
    tiles = np.frombuffer(content, np.dtype(fields), count, table)
    if (tiles["offset"].astype(float) + tiles["size"] > len(content)).any():
        raise limits.unreadable(f"ETS of stack {stack.number} that was cut: tiles end behind it")
    itemsize = _ITEMSIZES[kind]
    if coding == _RAW and (tiles["size"] < tile_width * tile_height * itemsize).any():
        raise limits.unreadable(f"ETS of stack {stack.number} with tiles that are not whole")
    full = tiles["at"][tiles["at"][:, -1] == 0]  # the last coordinate is the level of the pyramid
    axes = (*stack.axes, *"?" * dimensions)[: dimensions - 3]
    sizes = dict.fromkeys("TCZ", 1)
    for axis, extent in zip(axes, full[:, 2:-1].max(axis=0, initial=0) + 1, strict=True):
        if axis in sizes:
            sizes[axis] = int(extent)
        elif extent > 1:
            raise limits.unreadable(f"VSI with an axis that is none of z, time and channel; {_CONVERT}")
    across, down = -(-stack.width // tile_width), -(-stack.height // tile_height)
    wanted = across * down * math.prod(sizes.values())
    if len(np.unique(full, axis=0)) != wanted or (full[:, :2].max(axis=0) + 1).tolist() != [across, down]:
        raise limits.unreadable(f"ETS of stack {stack.number} with {len(full)} tiles of {wanted}; {_CONVERT}")
    return _Tiles(sizes, samples, itemsize)
