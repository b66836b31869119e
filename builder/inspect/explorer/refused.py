"""Pixels of what a build refused, as far as possible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.draw import Draw
from builder.engine.parquet import read_parquet
from builder.engine.store import Store
from builder.errors import RejectedError
from builder.inspect.source_images import SourceImages
from builder.pixels.candidates import candidates
from builder.pixels.normalize import Merged
from builder.recipe import Recipe
from builder.stages import work_files
from builder.stages.standardize.part_images import IMAGES, images_of_parts
from cytoimagenet_reader.decode import decode

U8 = npt.NDArray[np.uint8]
_MOST_CROPS: Final = 4  # draws are nested: the crops of a smaller number are among these
_WHOLE: Final = -1


class Refused:
    """Pixels of rejects, as far as they can be had.

    What *select* left out was standardised, and its PNG is in WORK unless the build was frugal. What *standardize*
    refused is nowhere: it is made again from the files of the sources.

    Parameters
    ----------
    work : of the build, or None
    data : the folders of the sources, or None
    """

    def __init__(self, work: Store | None, data: SourceImages | None, recipe: Recipe) -> None:
        self._work, self._data, self._recipe = work, data, recipe
        self._found: dict[tuple[str, int], U8] = {}

    @property
    def how(self) -> dict[str, bool]:
        """Where pixels are taken from."""
        return {"work": self._work is not None, "data": self._data is not None}

    def prepare(self, rejects: Iterable[dict[str, Any]]) -> None:
        """Look for the pixels of these rows of ``rejects.parquet``."""
        wanted: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        for row in rejects:
            wanted[row["dir_name"]].add(_key(row))
        for dir_name, keys in sorted(wanted.items()):
            if self._work is not None:
                self._from_work(self._work, dir_name, keys)
            if self._data is not None:
                self._from_data(self._data, dir_name, keys - self._found.keys())

    def pixels(self, row: dict[str, Any]) -> U8 | None:
        """Return what a row refused, uint8 (H, W), or None."""
        return self._found.get(_key(row))

    def _from_work(self, work: Store, dir_name: str, keys: set[tuple[str, int]]) -> None:
        parts = [name for name in images_of_parts(work) if name.startswith(f"{work_files.PARTS}/{dir_name}/")]
        names = pa.array(sorted({idx for idx, _ in keys}))
        for part in parts:
            if not keys - self._found.keys():
                return
            rows = read_parquet(work, f"{part}.parquet", ["idx", "candidate", "row"])
            rows = rows.filter(pc.and_(pc.is_in(rows["idx"], value_set=names), pc.is_valid(rows["row"])))
            here = {(row["idx"], row["candidate"]): row["row"] for row in rows.to_pylist()}
            for key in sorted(keys & here.keys() - self._found.keys()):
                self._found[key] = _png(work, part, here[key])

    def _from_data(self, data: SourceImages, dir_name: str, keys: set[tuple[str, int]]) -> None:
        for idx, channels in data.channels(dir_name, {idx for idx, _ in keys}):
            try:
                merged = Merged(channels, self._recipe.low_percentile, self._recipe.high_percentile)
            except RejectedError:  # nothing to show: no channel, or all of one level
                continue
            self._found[idx, _WHOLE] = merged.quantized()
            for found in self._crops(channels, idx):
                if (idx, found.candidate) in keys and found.x_max is not None:
                    window = slice(found.y_min, found.y_max), slice(found.x_min, found.x_max)
                    self._found[idx, found.candidate] = self._found[idx, _WHOLE][window]

    def _crops(self, channels: list[npt.NDArray[Any]], idx: str) -> list[Any]:
        try:
            return candidates(channels, _MOST_CROPS, Draw(self._recipe.seed, idx, "crops"), self._recipe)
        except RejectedError:  # the whole image is: it has no crops
            return []


def _key(row: dict[str, Any]) -> tuple[str, int]:
    return row["idx"], _WHOLE if row.get("candidate") is None else int(row["candidate"])


def _png(work: Store, part: str, row: int) -> U8:
    local = work.local(part + IMAGES)
    source = pa.BufferReader(work.read_bytes(part + IMAGES)) if local is None else pa.memory_map(local)
    with source, pa.ipc.open_file(source) as file:
        return decode(file.get_batch(row)["png"][0].as_py())
