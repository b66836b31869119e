"""The plan of an epoch: its rows, batches and positions."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cytoimagenet_reader.order import Level, Order, Shuffle
from cytoimagenet_reader.package import Package
from cytoimagenet_reader.ranks import Ranks
from cytoimagenet_reader.rows import TrainingRows
from cytoimagenet_reader.streams import Stream
from cytoimagenet_reader.training_batches import Form

Cut = Callable[[int, int], list[Stream]]
"""Returns the streams of (epoch, number of ranks)."""


class Position(NamedTuple):
    """Where an iterator stands in its epoch.

    ``levels`` are the numbers of ranks, and how many rows each rank was given.
    """

    epoch: int
    levels: tuple[Level, ...] = ()

    def moved(self, given: int) -> Position:
        """Return the position after so many rows of each rank."""
        return self._replace(levels=(*self.levels[:-1], self.levels[-1]._replace(given=given)))

    def for_ranks(self, world_size: int) -> Position:
        """Return the position with the remainder divided among ranks."""
        if self.levels and self.levels[-1].world_size == world_size:
            return self
        begun = [level for level in self.levels if level.given]
        return self._replace(levels=(*begun, Level(world_size, 0)))

    def as_state(self, content: str) -> dict[str, Any]:
        """Return the position as plain values.

        ``content`` tells the rows and their order from all others.
        """
        return {"content": content, "epoch": self.epoch, "levels": [list(level) for level in self.levels]}


def position_of(state: Mapping[str, Any], content: str) -> Position:
    """Return where a state stands.

    Raises
    ------
    ValueError
        Where it is of other rows, another order, or no state at all.
    """
    if not isinstance(state, Mapping) or {"content", "epoch", "levels"} - set(state):
        raise ValueError("this is no state of a loader, or one of an earlier version: begin the epoch with set_epoch")
    if state["content"] != content:
        raise ValueError(
            "the state is of a loader with other data: package, config, split, filters, seed, shuffle, buffer and "
            "weights must be the same; batch_size, ranks and threads may differ"
        )
    return Position(state["epoch"], tuple(Level(*level) for level in state["levels"]))


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a loader was asked for."""

    package: Package
    classes: list[str]
    cut: Cut
    content: str
    form: Form
    batch_size: int | None
    shuffle: Shuffle | None
    threads: int
    drop_last: bool
    pad: bool

    @property
    def views(self) -> bool:
        """Whether batches hold views of record batches."""
        return not self.form.decoded and self.form.transform is None

    def order(self, position: Position) -> Order:
        """Return the order of a position's epoch."""
        rows = TrainingRows(self.classes, self.form.columns)

        def cut(world_size: int) -> list[Stream]:
            return self.cut(position.epoch, world_size)

        return Order(self.package, rows, cut, self.shuffle, position.epoch, position.levels)

    def batches(self, order: Order, here: Ranks) -> int:
        """Return how many batches are left for this rank.

        Without ``batch_size``, of examples.

        Raises
        ------
        ValueError
            With ``drop_last``, where the share of a rank is smaller than a batch.
        """
        size = self.batch_size or 1
        left = [order.left(rank) for rank in range(here.world_size)]
        if self.pad:
            return -(-max(left) // size)
        if not self.drop_last:
            return -(-left[here.rank] // size)
        if len(order.levels) == 1 and not order.levels[0].given and min(left) < size:
            raise ValueError(
                f"drop_last leaves nothing: {here.world_size} ranks share the examples of the epoch, and the smallest "
                f"share is {min(left)}, less than a batch of {size}; give a smaller batch_size, or pad=True"
            )
        return min(left) // size

    def most(self, order: Order, here: Ranks) -> int:
        """Return how many rows the fullest rank still gets."""
        return (self.batch_size or 1) * max(
            self.batches(order, Ranks(rank, here.world_size)) for rank in range(here.world_size)
        )


def content_of(streams: Sequence[Stream], facts: Sequence[Any]) -> str:
    """Return a digest of the streams and their order.

    It has 64 hex digits.
    """
    digest = hashlib.sha256(json.dumps(facts).encode())
    for stream in streams:
        for part in stream:
            digest.update(f"{part.shard.sha256} {part.start} {part.stop}\0".encode())
            if part.rows is not None:
                digest.update(part.rows[part.start : part.stop].astype("<i8").tobytes())
    return digest.hexdigest()
