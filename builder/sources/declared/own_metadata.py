"""Channels, planes and pixel size stated by a TIFF.

OME-XML: https://docs.openmicroscopy.org/ome-model/latest/ome-tiff/specification.html. Directories are read, no pixels.
"""

from __future__ import annotations

import io
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Final, NamedTuple

import tifffile

from builder.sources.common.folder import Folder

OWN_METADATA: Final = (".tif", ".tiff")
"""Endings of files that are asked."""
_AXES: Final = {"C": "channel", "Z": "z"}
_MICROMETRES: Final = {"µm": 1.0, "μm": 1.0, "um": 1.0, "": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6}
_NOTHING_SAID: Final = (tifffile.TiffFileError, ValueError, IndexError, KeyError, struct.error)
_BLOCK: Final = 1 << 16  # bytes that a read asks for beyond what it needs: most XML is shorter


class Metadata(NamedTuple):
    """Pages and channels of a file; unnamed channels are ''.

    ``order`` has the axes of the pages, the last changing fastest. ``own`` is the name of the one channel that the file
    holds, be it alone or one of a set of files.
    """

    pages: int = 1
    channels: tuple[str, ...] = ()
    planes: int = 1
    order: tuple[str, ...] = ()
    pixel_size_um: float | None = None
    own: str = ""


def read_metadata(folder: Folder, path: str) -> Metadata:
    """Return what a TIFF says; nothing of other files."""
    if not path.lower().endswith(OWN_METADATA):
        return Metadata()
    with folder.store.open(path, _BLOCK) as file:
        try:
            with tifffile.TiffFile(io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file) as tiff:
                pages, text = len(tiff.pages), tiff.ome_metadata
                samples = tiff.pages.first.samplesperpixel
        except _NOTHING_SAID:
            return Metadata()
    found = Metadata(pages)
    if text and samples == 1:
        try:
            found = _ome(text, pages, path.rpartition("/")[2])
        except (ET.ParseError, ValueError, StopIteration):
            return found
    return found


class OwnNames:
    """What TIFFs state, asked of one file in each folder.

    Parameters
    ----------
    each : whether every file is asked
    """

    def __init__(self, folder: Folder, each: bool) -> None:
        self._folder, self._each = folder, each
        self._known: dict[tuple[str, str], Metadata] = {}

    def of(self, path: str, channel: str) -> Metadata:
        """Return what a file, or one like it, says."""
        asked = path if self._each else path[: path.rfind("/") + 1], channel
        found = self._known.get(asked)
        if found is None:
            found = self._known[asked] = read_metadata(self._folder, path)
        return found


def _ome(text: str, pages: int, file: str) -> Metadata:
    pixels = next(element for element in ET.fromstring(text).iter() if element.tag.endswith("}Pixels"))
    channels = [element.get("Name") or "" for element in pixels if element.tag.endswith("}Channel")]
    count, planes, times = (int(pixels.get(f"Size{axis}", "1")) for axis in "CZT")
    size, unit = pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit", "")
    pixel = round(float(size) * _MICROMETRES[unit], 6) if size and unit in _MICROMETRES else None
    names = tuple((channels + [""] * count)[:count])
    here = {0} if count == 1 else set(_channels_of(pixels, file))
    own = names[here.pop()] if len(here) == 1 and max(here) < count else ""
    if count * planes * times != pages or times != 1:
        return Metadata(pages, pixel_size_um=pixel, own=own)
    order = tuple(_AXES[axis] for axis in reversed(pixels.get("DimensionOrder", "XYCZT")[2:]) if axis in _AXES)
    return Metadata(pages, names if count > 1 else (), planes, order, pixel, own)


def _channels_of(pixels: ET.Element, file: str) -> Iterator[int]:
    """Yield the channels in a file of a set."""
    for element in pixels:
        if element.tag.endswith("}TiffData"):
            uuid = next((child for child in element if child.tag.endswith("}UUID")), None)
            if uuid is not None and (uuid.get("FileName") or "").replace("\\", "/").rpartition("/")[2] == file:
                yield int(element.get("FirstC", "0"))
