"""Writes made-up CZI, ND2 and LIF files.

They are the least that the readers' libraries accept.

CZI by Zeiss's own library. ND2 as version 2.1 has it: chunks with names, metadata in XML, and a map of the chunks at
the end. LIF: a header in XML, then a block of memory for each series.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]


def czi_file(path: Path, scenes: Pixels, names: Mapping[int, str] | None = None) -> bytes:
    """Return a CZI whose scenes lie side by side.

    Pixels are (scene, t, c, z, y, x), or have samples as a last axis.
    """
    from pylibCZIrw import czi

    with czi.create_czi(str(path)) as file:
        for place in np.ndindex(scenes.shape[:4]):
            scene, t, c, z = place
            data = scenes[place]
            data = data if data.ndim == 3 else data[..., None]
            file.write(
                data=np.ascontiguousarray(data),
                plane={"T": t, "C": c, "Z": z},
                scene=scene,
                location=(scene * 1000, 0),
            )
        file.write_metadata(channel_names=dict(names or {}))
    return path.read_bytes()


def _chunk(name: bytes, data: bytes) -> bytes:
    padded = name.ljust(4072, b"\0")  # pixels begin at 24 + 4072 bytes behind the beginning
    return struct.pack("<IIQ", 0x0ABECEDA, len(padded), len(data)) + padded + data


def _variant(values: Mapping[str, Any]) -> str:
    """Return named values as CLxVariant has them."""
    found = []
    for name, value in values.items():
        if isinstance(value, dict):
            found.append(f'<{name} runtype="CLxListVariant">{_variant(value)}</{name}>')
        else:
            kind = {int: "lx_uint32", float: "double", str: "CLxStringW", bool: "bool"}[type(value)]
            found.append(f'<{name} runtype="{kind}" value={quoteattr(str(value))}/>')
    return "".join(found)


def nd2_file(pixels: Pixels, loops: str = "") -> bytes:
    """Return an ND2 of pixels (frames, y, x, channels), uncompressed.

    ``loops`` names the frames' axis, T or Z.
    """
    frames, height, width, channels = pixels.shape
    attributes = {
        "uiWidth": width,
        "uiWidthBytes": width * channels * pixels.itemsize,
        "uiHeight": height,
        "uiComp": channels,
        "uiBpcInMemory": 8 * pixels.itemsize,
        "uiBpcSignificant": 8 * pixels.itemsize,
        "uiSequenceCount": frames,
        "eCompression": 2,
    }
    planes = {f"a{number}": {"uiCompCount": 1, "sDescription": f"channel {number}"} for number in range(channels)}
    metadata = {"sPicturePlanes": {"uiCount": channels, "uiCompCount": channels, "sPlaneNew": planes}}
    kind = {"T": 1, "Z": 4}.get(loops, 0)
    experiment: dict[str, Any] = {"eType": kind, "uLoopPars": {"uiCount": frames, "dStart": 0.0, "dPeriod": 1.0}}
    experiment["uLoopPars"] |= {"dDuration": 1.0, "dZLow": 0.0, "dZHigh": 1.0, "dZStep": 1.0, "dZHome": 0.0}
    experiment["uLoopPars"] |= {"bAbsolute": False, "bTriggeredPiezo": False, "iType": 0}
    texts = {"ImageAttributes!": attributes, "ImageMetadataSeq|0!": metadata}
    texts |= {"ImageMetadata!": experiment} if loops else {}
    out = struct.pack("<IIQ", 0x0ABECEDA, 32, 64) + b"ND2 FILE SIGNATURE CHUNK NAME01!" + b"Ver2.1".ljust(64, b"\0")
    places = {}
    for name, values in texts.items():
        text = f'<variant version="1.0"><no_name runtype="CLxListVariant">{_variant(values)}</no_name></variant>'
        places[name.encode()] = len(out)
        out += _chunk(name.encode(), text.encode())
    for number in range(frames):
        name = f"ImageDataSeq|{number}!".encode()
        places[name] = len(out)
        out += _chunk(name, struct.pack("<d", float(number)) + np.ascontiguousarray(pixels[number]).tobytes())
    entries = b"".join(name + struct.pack("<QQ", place, 0) for name, place in places.items())
    end = b"ND2 CHUNK MAP SIGNATURE 0000001!"
    where = len(out)
    entries += end + struct.pack("<Q", where)
    out += struct.pack("<IIQ", 0x0ABECEDA, 32, len(entries)) + b"ND2 FILEMAP SIGNATURE NAME 0001!" + entries
    return out


def lif_file(series: Mapping[str, Pixels]) -> bytes:
    """Return a LIF of 8- or 16-bit series (t,c,z,y,x)."""
    elements, blocks = [], b""
    for number, (name, pixels) in enumerate(series.items()):
        pixels = np.ascontiguousarray(pixels)
        strides = dict(zip("tczyx", pixels.strides, strict=True))
        channels = "".join(
            f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{8 * pixels.itemsize}" '
            f'NameOfMeasuredQuantity="" Min="0" Max="255" Unit="" LUTName="Gray" IsLUTInverted="0" '
            f'BytesInc="{c * strides["c"]}" BitInc="0"/>'
            for c in range(pixels.shape[1])
        )
        dimensions = "".join(
            f'<DimensionDescription DimID="{identity}" NumberOfElements="{pixels.shape["tczyx".index(axis)]}" '
            f'Origin="0" Length="1" Unit="m" BitInc="0" BytesInc="{strides[axis]}"/>'
            for axis, identity in (("x", 1), ("y", 2), ("z", 3), ("t", 4))
        )
        elements.append(
            f'<Element Name={quoteattr(name)} Visibility="1" UniqueID="{number}"><Data><Image><ImageDescription>'
            f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
            f'<Memory Size="{pixels.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
        )
        identity = f"MemBlock_{number}"
        head = struct.pack("<BQBI", 0x2A, pixels.nbytes, 0x2A, len(identity)) + identity.encode("utf-16-le")
        blocks += struct.pack("<II", 0x70, len(head)) + head + pixels.tobytes()
    text = (
        '<LMSDataContainerHeader Version="2"><Element Name="made up" Visibility="1" UniqueID="x"><Data/>'
        f"<Children>{''.join(elements)}</Children></Element></LMSDataContainerHeader>"
    )
    return struct.pack("<IIBI", 0x70, 2 * len(text) + 5, 0x2A, len(text)) + text.encode("utf-16-le") + blocks
