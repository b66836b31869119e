"""Removal of PNGs from WORK under ``--frugal``.

PNGs are removed as soon as the shards that need them are finished; the rows about them stay. A part's PNGs are in
shards of every category that its images feed, and anywhere in them: the order of a category is drawn. So what is
freed early depends on the order of the categories; the one with the least peak is taken.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.space import readable
from builder.engine.store import Store
from builder.stages.category_order import Feeds, category_order
from builder.stages.select.store import ShardPlan, StoredSelection
from builder.stages.standardize.part_images import IMAGES, images_of_parts

log = logging.getLogger(__name__)

Ints = npt.NDArray[np.int64]


class EvictionPlan:
    """Parts that await shards; the others lose their PNGs.

    Parameters
    ----------
    plans : the shards that are to be written, of all that the selection has
    """

    def __init__(self, work: Store, stored: StoredSelection, plans: Sequence[ShardPlan]) -> None:
        self._work = work
        self._sizes = images_of_parts(work)
        self._plans = list(plans)
        self._shards = {plan.shard: number for number, plan in enumerate(plans)}
        self._parts, part, shard = _pairs(stored, list(self._shards))
        self._waits = np.bincount(part, minlength=len(self._parts))  # shards that a part waits for
        ends = np.searchsorted(shard, np.arange(len(plans) + 1))
        self._needed = [part[start:end] for start, end in itertools.pairwise(ends.tolist())]  # parts of each shard

    def begin(self) -> list[ShardPlan]:
        """Free parts no shard needs; return shards in writing order."""
        waiting = {self._parts[part] for part in np.flatnonzero(self._waits).tolist()}
        for part in self._sizes.keys() - waiting:
            self._free(part)
        order, peak = category_order(*self._bytes())
        if self._plans:
            log.info("frugal: WORK and PACKAGE will take up to %s together", readable(peak))
        return sorted(self._plans, key=lambda plan: order.index(_category(plan.shard)))

    def finish(self, shard: str) -> None:
        """Free the parts that waited only for this shard.

        The shard must have been published before.
        """
        parts = self._needed[self._shards[shard]]
        self._waits[parts] -= 1
        for part in parts[self._waits[parts] == 0].tolist():
            self._free(self._parts[part])

    def _bytes(self) -> tuple[dict[Feeds, int], dict[str, int]]:
        """Return the bytes in WORK and in PACKAGE.

        Those in WORK are by the set of categories that they feed, those in PACKAGE by category. A part goes to its
        shards in equal shares.
        """
        sizes = np.array([self._sizes.get(part, 0) for part in self._parts], np.int64)
        package: dict[str, int] = dict.fromkeys((_category(plan.shard) for plan in self._plans), 0)
        feeds = np.zeros(len(sizes), np.int64)  # one bit per category
        names = sorted(package)
        for shard, parts in zip(self._shards, self._needed, strict=True):
            package[_category(shard)] += int((sizes[parts] // self._waits[parts]).sum())
            feeds[parts] |= 1 << names.index(_category(shard))
        work = {
            frozenset(name for bit, name in enumerate(names) if code >> bit & 1): int(sizes[feeds == code].sum())
            for code in np.unique(feeds[self._waits > 0]).tolist()
        }
        return work, package

    def _free(self, part: str) -> None:
        if part in self._sizes:
            self._work.delete(part + IMAGES)


def evicted_images(work: Store, stored: StoredSelection, plans: Iterable[ShardPlan]) -> pa.Array:
    """Return the idx of images whose evicted PNGs are needed.

    A shard that is to be written needs them.
    """
    names = pa.array([plan.shard for plan in plans], pa.string())
    there = pa.array(images_of_parts(work), pa.string())
    table = stored.columns("part", "shard")
    parts, shards = (table[name].combine_chunks() for name in ("part", "shard"))
    gone = _rows_in(parts, pc.invert(pc.is_in(parts.dictionary, value_set=there)))
    lost = np.flatnonzero(gone & _rows_in(shards, pc.is_in(shards.dictionary, value_set=names)))
    if not len(lost):
        return pa.array([], pa.string())
    return stored.columns("idx")["idx"].take(pa.array(lost)).unique()


def _rows_in(column: pa.DictionaryArray, wanted: pa.Array) -> Any:
    return wanted.to_numpy(zero_copy_only=False)[column.indices.to_numpy()]


def _pairs(stored: StoredSelection, shards: list[str]) -> tuple[list[str], Ints, Ints]:
    """Return the parts, and all part-shard pairs ordered by shard.

    The pairs, those with an example, are two arrays: numbers of parts and of shards.
    """
    table = stored.columns("part", "shard")
    part, shard = (table[name].combine_chunks() for name in ("part", "shard"))
    number = pc.index_in(shard.dictionary, value_set=pa.array(shards, pa.string())).fill_null(-1).to_numpy()
    of_shard, of_part = number[shard.indices.to_numpy()].astype(np.int64), part.indices.to_numpy()
    wanted = of_shard >= 0
    pairs = np.unique(of_shard[wanted] * max(len(part.dictionary), 1) + of_part[wanted])
    found, parts = np.divmod(pairs, max(len(part.dictionary), 1))
    return part.dictionary.to_pylist(), parts, found


def _category(shard: str) -> str:
    return shard.split("/")[1]
