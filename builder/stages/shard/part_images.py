"""Access to single examples in the parts in WORK.

Local parts are memory-mapped; remote ones are read by range, many at once. The order of a shard is drawn, so of a part
of 200 examples a shard of a full build wants one or two.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pyarrow as pa

from builder.engine.store import Store
from builder.schema import PART_IMAGES

_OPEN_PARTS: Final = 400  # each holds a file descriptor; 1,024 is a common limit
_ASKED_AT_ONCE: Final = 32  # parts of a remote WORK
_BLOCK: Final = (
    1 << 17
)  # bytes asked for with the head of an example: most examples come with it, and a part's footer too


class PartImageReader:
    """Reads PNGs from parts, whose footers are kept."""

    def __init__(self, work: Store) -> None:
        self._work = work
        self._is_local = work.local("") is not None
        self._open = functools.lru_cache(maxsize=_OPEN_PARTS)(self._open_part)

    def read_all(self, parts: Sequence[str], rows: Sequence[int]) -> list[bytes]:
        """Return the PNG at each given part and row.

        Several parts of a remote WORK are read at once.
        """
        if self._is_local:
            return [self._read(part, row) for part, row in zip(parts, rows, strict=True)]
        places: dict[str, list[int]] = {}
        for place, part in enumerate(parts):
            places.setdefault(part, []).append(place)
        examples = [b""] * len(parts)

        def read_from(part: str) -> None:
            for place in sorted(places[part], key=lambda place: rows[place]):
                examples[place] = self._read(part, rows[place])

        with ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
            for _ in threads.map(read_from, places):
                pass
        return examples

    def _read(self, part: str, row: int) -> bytes:
        example: bytes = self._open(part).get_batch(row).column(0)[0].as_py()
        return example

    def _open_part(self, part: str) -> pa.RecordBatchFileReader:
        local = self._work.local(f"{part}.arrow")
        source = pa.memory_map(local) if local else pa.PythonFile(self._work.open(f"{part}.arrow", _BLOCK), mode="r")
        reader = pa.ipc.open_file(source)
        if reader.schema != PART_IMAGES:
            raise ValueError(f"{part}.arrow has the columns {reader.schema.names}, not {PART_IMAGES.names}")
        return reader
