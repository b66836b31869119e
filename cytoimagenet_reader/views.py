"""Views of images in record batches, without a copy."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import pyarrow as pa

_PLACES: Final = {
    pa.lib.Type_BINARY: np.int32,
    pa.lib.Type_LARGE_BINARY: np.int64,
    pa.lib.Type_BINARY_VIEW: np.int32,
}
"""By type, of what the numbers are that say where values lie."""

INLINE: Final = 12
"""The most bytes of a value that lie in a binary view itself.

https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
"""


def image_views(rows: pa.Table | pa.RecordBatch) -> list[memoryview]:
    """Return views of the PNGs in a record batch.

    Parameters
    ----------
    rows : a record batch or table with the column ``image``, as ``open(...).with_format("arrow")`` and streams in that
        format give them; its images must not be cast to another feature

    Returns
    -------
    of each row a memoryview of the bytes where they lie, read-only. It keeps them there: a mapped file stays mapped,
    what was fetched stays in memory. ``bytes(view)`` is a copy, which can be pickled; a view cannot.

    Raises
    ------
    KeyError
        Where there is no column ``image``.
    TypeError
        Where it does not hold bytes.
    """
    images = rows.column("image")
    try:
        found = [views(chunk.field("bytes")) for chunk in getattr(images, "chunks", [images])]
    except (AttributeError, KeyError, TypeError):  # of a column that is no struct, has no such field, or other values
        raise TypeError(f"the column image holds {images.type}, not the bytes of images") from None
    return found[0] if len(found) == 1 else list(itertools.chain.from_iterable(found))


def views(data: pa.BinaryArray | pa.BinaryViewArray | pa.LargeBinaryArray) -> list[memoryview]:
    """Return read-only views of the values of a binary array.

    Raises
    ------
    TypeError
        For an array of another type.
    """
    kind, start, stop = data.type.id, data.offset, data.offset + len(data)
    if kind not in _PLACES:
        raise TypeError(f"{data.type} is not binary")
    _, places, *contents = data.buffers()
    whole = [memoryview(content or b"").cast("B").toreadonly() for content in contents]
    found = np.frombuffer(places or b"", _PLACES[kind])
    if kind == pa.lib.Type_BINARY_VIEW:
        here = memoryview(places or b"").cast("B").toreadonly()
        heads = enumerate(found.reshape(-1, 4)[start:stop, [0, 2, 3]].tolist(), start)
        return [
            whole[number][first : first + size] if size > INLINE else here[16 * i + 4 : 16 * i + 4 + size]
            for i, (size, number, first) in heads
        ]
    content, bounds = whole[0], found[start : stop + 1].tolist()
    return [content[first:last] for first, last in itertools.pairwise(bounds)]
