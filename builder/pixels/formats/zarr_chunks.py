"""Wholeness of the chunks and shards of Zarr arrays.

Decoders do not see everything: an empty shard is read as blank, and Blosc reads on behind data that were cut. Blosc
states its size in its header (https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst); a shard has an index
of what it holds (https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from builder.pixels.formats import limits

_BLOSC_HEADER: Final = 16  # bytes; the last four are the size of the whole
_CHECKSUM: Final = 4  # bytes behind an index
_NONE: Final = np.uint64(2**64 - 1)  # offset and size of an inner chunk that was not written


class Wholeness:
    """Checks chunks of an array, or shards.

    Parameters
    ----------
    metadata : content of ``.zarray`` or ``zarr.json``
    inner : chunks in a shard

    Raises
    ------
    RejectedError
        For a shard whose index is coded in an unusual way.
    """

    def __init__(self, metadata: Mapping[str, bytes], inner: int) -> None:
        stated = json.loads(metadata.get("zarr.json") or metadata[".zarray"])
        codecs: Sequence[Mapping[str, Any]] = stated.get("codecs") or ()
        sharding = next((codec["configuration"] for codec in codecs if codec["name"] == "sharding_indexed"), None)
        self._index, self._at_start = 0, False
        if sharding is not None:
            self._index, self._at_start = 16 * inner, sharding.get("index_location") == "start"
            codecs, coding = sharding["codecs"], [codec["name"] for codec in sharding["index_codecs"]]
            little = sharding["index_codecs"][0].get("configuration", {}).get("endian", "little") == "little"
            if coding != ["bytes", "crc32c"] or not little or len(stated["codecs"]) != 1:
                raise limits.unreadable(f"Zarr shards whose index is coded as {', '.join(coding)}")
        last = codecs[-1]["name"] if codecs else (stated.get("compressor") or {}).get("id")
        self._blosc = last == "blosc"

    def check(self, name: str, content: bytes) -> None:
        """Raise RejectedError for a chunk or shard that is cut."""
        if not content:
            raise limits.unreadable(f"zarr: the chunk {name} has no content")
        for start, size in self._pieces(name, content) if self._index else ((0, len(content)),):
            if start + size > len(content):
                raise limits.unreadable(f"zarr: the shard {name} ends before a chunk that its index names")
            if self._blosc and (size < _BLOSC_HEADER or struct.unpack_from("<I", content, start + 12)[0] != size):
                raise limits.unreadable(f"zarr: the chunk {name} has not as many bytes as its header says")

    def _pieces(self, name: str, content: bytes) -> list[tuple[int, int]]:
        start = 0 if self._at_start else len(content) - self._index - _CHECKSUM
        if start < 0 or len(content) < self._index + _CHECKSUM:
            raise limits.unreadable(f"zarr: the shard {name} is too short for its index")
        pairs = np.frombuffer(content, "<u8", self._index // 8, start).reshape(-1, 2)
        return [(int(position), int(size)) for position, size in pairs if position != _NONE]
