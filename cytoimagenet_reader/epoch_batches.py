"""The batches of one epoch, decoded ahead by threads.

Their iterator can say where it stands.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Any

from cytoimagenet_reader.epoch_plan import Plan, Position
from cytoimagenet_reader.order import Order
from cytoimagenet_reader.ranks import Ranks, Worker
from cytoimagenet_reader.rows import Example
from cytoimagenet_reader.threads import threads_of_generator
from cytoimagenet_reader.training_batches import Decoded

_BLOCK = 16  # examples decoded at once where they are not batched


class Batches(Iterator[Any]):
    """The batches of the next epoch.

    The epoch is taken when its first batch is asked for. So whoever calls ``iter`` to see whether it works, as
    Lightning does, skips no epoch.
    """

    def __init__(self, begin: Callable[[], EpochBatches], before: Callable[[], dict[str, Any]]) -> None:
        self._begin, self._before = begin, before
        self._epoch: EpochBatches | None = None

    def __next__(self) -> Any:
        if self._epoch is None:
            self._epoch = self._begin()
        return next(self._epoch)

    def close(self) -> None:
        """Stop decoding ahead."""
        if self._epoch is not None:
            self._epoch.close()

    def state_dict(self) -> dict[str, Any]:
        """Return the state after the last batch handed out.

        It consists of plain values.
        """
        return self._before() if self._epoch is None else self._epoch.state_dict()


class EpochBatches(Iterator[Any]):
    """A rank's or DataLoader worker's remaining batches of an epoch."""

    def __init__(self, plan: Plan, position: Position, here: Ranks, worker: Worker | None) -> None:
        order = plan.order(position)
        self._plan = plan
        self._end = position.levels[-1].given + plan.most(order, here)
        self._progress = _Progress(position)
        self._batches = _handed_out(plan, order, here.rank, plan.batches(order, here), worker, self._progress)

    def __next__(self) -> Any:
        return next(self._batches)

    def close(self) -> None:
        """Stop decoding ahead."""
        self._batches.close()

    @property
    def position(self) -> Position:
        """The position after the batch handed out last.

        After the last of any rank, it is the next epoch's start.
        """
        position = self._progress.position
        return Position(position.epoch + 1) if position.levels[-1].given >= self._end else position

    def state_dict(self) -> dict[str, Any]:
        """Return the state after the last batch handed out.

        It consists of plain values.
        """
        return self.position.as_state(self._plan.content)


class _Progress:
    """Where an iterator stands.

    The generator knows this, not the iterator: together they would be a cycle, which only the garbage collector frees.
    """

    def __init__(self, position: Position) -> None:
        self.position = position


def _handed_out(
    plan: Plan, order: Order, rank: int, left: int, worker: Worker | None, progress: _Progress
) -> Generator[Any, None, None]:
    """Yield the batches, advancing the position before each.

    The position of a worker is that of its round: in it each worker gives one batch.

    Parameters
    ----------
    left : batches that are left for this rank
    """
    number, workers = (worker.number, worker.workers) if worker else (0, 1)
    batched = plan.batch_size is not None
    size = plan.batch_size or (_BLOCK if workers == 1 else 1)
    given = progress.position.levels[-1].given
    with contextlib.closing(_decoded(plan, order, rank, left, size, (number, workers))) as decoded:
        for one in decoded:
            for item in [plan.form.batch(one)] if batched else plan.form.examples(one):
                given += (size if batched else 1) * workers
                progress.position = progress.position.moved(given)
                yield item


def _decoded(
    plan: Plan, order: Order, rank: int, left: int, size: int, share: tuple[int, int]
) -> Generator[Decoded, None, None]:
    """Yield a worker's batches, decoded ahead by threads.

    ``share`` is (number, workers): they are every ``workers``-th from its first on.
    """
    number, workers = share
    own = order.left(rank)
    end = left * (plan.batch_size or 1) if plan.pad else min(own, left * (plan.batch_size or 1))
    own_rows, repeated = order.rows(rank), order.again(rank)
    rows: Iterator[tuple[int, Example]] = itertools.chain(own_rows, repeated if plan.pad else ())

    def blocks() -> Iterator[tuple[list[tuple[int, Example]], int]]:
        for place in range(-(-end // size)):
            found = list(itertools.islice(rows, min(size, end - place * size)))
            if place % workers == number:
                yield found, max(own - place * size, 0)

    decode = functools.partial(plan.form.decode, plan.package)
    with contextlib.ExitStack() as stack:
        stack.callback(repeated.close)
        stack.callback(own_rows.close)
        if plan.form.decoded:
            yield from _ahead(decode, blocks(), plan.threads)
        else:
            yield from itertools.starmap(decode, blocks())


def _ahead(decode: Callable[..., Decoded], blocks: Iterator[tuple[Any, ...]], count: int) -> Iterator[Decoded]:
    """Yield blocks decoded ahead by so many threads."""
    ahead: deque[Future[Decoded]] = deque()
    with threads_of_generator(count, "decode") as threads, contextlib.ExitStack() as stack:
        stack.callback(lambda: [future.cancel() for future in ahead])
        while True:
            ahead.extend(threads.submit(decode, *block) for block in itertools.islice(blocks, count + 2 - len(ahead)))
            if not ahead:
                return
            yield ahead.popleft().result()
