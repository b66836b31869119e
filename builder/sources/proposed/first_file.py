"""Channels, planes and pixel size of the first file."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from typing import Final, NamedTuple

import tifffile

from builder.sources.common.folder import Folder, LayoutError

_AXES: Final = {"C": "channel", "Z": "z"}
_MICROMETRES: Final = {"µm": 1.0, "μm": 1.0, "um": 1.0, "": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6}


class FirstFile(NamedTuple):
    """Pages and channels of a file; unnamed channels are ''.

    ``order`` has the axes of the pages, the last changing fastest.
    """

    pages: int = 1
    channels: tuple[str, ...] = ()
    planes: int = 1
    order: tuple[str, ...] = ()
    pixel_size_um: float | None = None


def look_into(folder: Folder, path: str) -> FirstFile:
    """Return what a TIFF says of itself.

    OME-XML: https://docs.openmicroscopy.org/ome-model/latest/ome-tiff/specification.html.
    """
    if not path.lower().endswith((".tif", ".tiff")):
        return FirstFile()
    try:
        with tifffile.TiffFile(io.BytesIO(folder.read_bytes(path))) as tiff:
            pages, text = len(tiff.pages), tiff.ome_metadata
            samples = tiff.pages.first.samplesperpixel
    except (LayoutError, tifffile.TiffFileError, OSError, ValueError, IndexError):
        return FirstFile()
    found = FirstFile(pages)
    if text and samples == 1:
        try:
            found = _ome(text, pages)
        except (ET.ParseError, ValueError):
            return found
    return found


def _ome(text: str, pages: int) -> FirstFile:
    pixels = next(element for element in ET.fromstring(text).iter() if element.tag.endswith("}Pixels"))
    channels = [element.get("Name") or "" for element in pixels if element.tag.endswith("}Channel")]
    count, planes, times = (int(pixels.get(f"Size{axis}", "1")) for axis in "CZT")
    size, unit = pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit", "")
    pixel = round(float(size) * _MICROMETRES[unit], 6) if size and unit in _MICROMETRES else None
    if count * planes * times != pages or times != 1:
        return FirstFile(pages, pixel_size_um=pixel)
    names = tuple((channels + [""] * count)[:count])
    order = tuple(_AXES[axis] for axis in reversed(pixels.get("DimensionOrder", "XYCZT")[2:]) if axis in _AXES)
    return FirstFile(pages, names if count > 1 else (), planes, order, pixel)
