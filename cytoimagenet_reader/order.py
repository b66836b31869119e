"""Order of an epoch's rows by rank, also after resuming.

Ranks may go on where others stopped.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from cytoimagenet_reader.package import Package
from cytoimagenet_reader.prefetched import prefetched
from cytoimagenet_reader.rows import Example, TrainingRows, interleaved
from cytoimagenet_reader.streams import Stream, count_rows
from cytoimagenet_reader.threads import threads_of_generator

Rows = Generator[tuple[int, Example], None, None]
"""(key, row), again and again."""


class Level(NamedTuple):
    """A number of ranks and the rows given to each.

    They are counted until the number changed, or until now.
    """

    world_size: int
    given: int


class Shuffle(NamedTuple):
    """How rows are shuffled; None: not at all.

    Streams are shuffled among each other, then each window of ``buffer`` rows.
    """

    seed: int
    buffer: int


class Piece(NamedTuple):
    """Every ``step``-th row of a former rank's rest.

    There are ``rows`` of them, from ``start`` on.
    """

    rank: int
    start: int
    step: int
    rows: int


class Order:
    """The rows of one epoch.

    What the ranks of a level left is shared out among those of the next, so that each row is given once whatever the
    numbers: rank r of W takes the pieces r, r + W ... of all that was left, where a former rank's rest is cut into as
    many pieces as it takes to share it out evenly, each every k-th row.

    Parameters
    ----------
    cut : returns the streams of the epoch for a number of ranks, of which rank r takes the r-th and every
        ``world_size``-th after it, once they are in this epoch's order
    levels : the numbers of ranks, the present one last
    """

    def __init__(
        self,
        package: Package,
        rows: TrainingRows,
        cut: Callable[[int], list[Stream]],
        shuffle: Shuffle | None,
        epoch: int,
        levels: Sequence[Level],
    ) -> None:
        self._package, self._format, self._shuffle, self._epoch = package, rows, shuffle, epoch
        self.levels = tuple(levels)
        self._streams = cut(levels[0].world_size)
        if shuffle is not None:
            order = np.random.default_rng([shuffle.seed, epoch]).permutation(len(self._streams))
            self._streams = [self._streams[i] for i in order]
        self._counts: dict[tuple[int, int], int] = {}

    @property
    def last(self) -> int:
        """The number of the present level."""
        return len(self.levels) - 1

    def left(self, rank: int) -> int:
        """Return how many rows a rank still gets."""
        return max(self._count(self.last, rank) - self.levels[-1].given, 0)

    def rows(self, rank: int) -> Rows:
        """Yield the rows that a rank still gets."""
        return self._rows(self.last, rank, self.levels[-1].given)

    def again(self, rank: int) -> Rows:
        """Yield the epoch's rows endlessly, to fill up shares."""
        world_size = self.levels[0].world_size
        for former in itertools.cycle(range(world_size)):
            yield from self._shuffled((rank + former) % world_size, 0)

    def _count(self, level: int, rank: int) -> int:
        if (level, rank) not in self._counts:
            left = self._pieces(level, rank) if level else ()
            self._counts[level, rank] = sum(p.rows for p in left) if level else count_rows(self._of_rank(rank))
        return self._counts[level, rank]

    def _pieces(self, level: int, rank: int) -> Iterator[Piece]:
        before, now = self.levels[level - 1], self.levels[level].world_size
        step = now // math.gcd(now, before.world_size)
        for number in range(rank, before.world_size * step, now):
            former, place = divmod(number, step)
            left = self._count(level - 1, former) - before.given - place
            if left > 0:
                yield Piece(former, before.given + place, step, -(-left // step))

    def _rows(self, level: int, rank: int, start: int) -> Rows:
        if level == 0:
            yield from self._shuffled(rank, start)
            return
        for piece in self._pieces(level, rank):
            if start >= piece.rows:
                start -= piece.rows
                continue
            with contextlib.closing(self._rows(level - 1, piece.rank, piece.start + start * piece.step)) as rows:
                yield from itertools.islice(rows, 0, None, piece.step)
            start = 0

    def _of_rank(self, rank: int) -> list[Stream]:
        return self._streams[rank :: self.levels[0].world_size]

    def _shuffled(self, rank: int, start: int) -> Rows:
        """Yield a first-level rank's rows, shuffled by windows."""
        if self._shuffle is None:
            yield from self._sequence(rank, start)
            return
        seed, buffer = self._shuffle
        window, past = divmod(start, buffer)
        rows = self._sequence(rank, window * buffer)
        with threads_of_generator(1, "read") as thread:
            ahead = thread.submit(lambda: list(itertools.islice(rows, buffer)))
            while held := ahead.result():
                ahead = thread.submit(lambda: list(itertools.islice(rows, buffer)))
                draw = np.random.default_rng([seed, self._epoch, rank, window])
                for i in draw.permutation(len(held))[past:]:
                    yield held[i]
                window, past = window + 1, 0

    def _sequence(self, rank: int, skip: int) -> Rows:
        order = self._of_rank(rank)
        with prefetched(self._package, order, self._format.names, skip) as ahead:
            for stream in order:
                count = count_rows([stream])
                if skip < count:
                    yield from interleaved(self._package, stream, {}, self._format, skip, ahead)
                skip = max(skip - count, 0)
