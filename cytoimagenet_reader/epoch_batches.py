"""The batches of one epoch, decoded ahead by threads.

Their iterator can say where it stands.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from cytoimagenet_reader.epoch_plan import Plan, Position
from cytoimagenet_reader.ranks import Ranks, Worker
from cytoimagenet_reader.rows import Example
from cytoimagenet_reader.training_batches import Decoded

_BLOCK = 16  # examples decoded at once where they are not batched


class Batches(Iterator[Any]):
    """The batches of the next epoch.

    The epoch is taken when its first batch is asked for. So who calls ``iter`` to see whether it works, as Lightning
    does, skips none.
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
        self._plan, self._position, self._here = plan, position, here
        self._order = plan.order(position)
        self._number, self._workers = (worker.number, worker.workers) if worker else (0, 1)
        self._end = position.levels[-1].given + plan.most(self._order, here)
        self._batches = self._handed_out()

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
        finished = self._position.levels[-1].given >= self._end
        return Position(self._position.epoch + 1) if finished else self._position

    def state_dict(self) -> dict[str, Any]:
        """Return the state after the last batch handed out.

        It consists of plain values.
        """
        return self.position.as_state(self._plan.content)

    def _handed_out(self) -> Any:
        """Yield the batches, advancing the position before each.

        The position of a worker is that of its round: in it each worker gives one batch.
        """
        batched = self._plan.batch_size is not None
        size = self._plan.batch_size or (_BLOCK if self._workers == 1 else 1)
        given = self._position.levels[-1].given
        with contextlib.closing(self._decoded(size)) as decoded:
            for one in decoded:
                batch = self._plan.form.batch(one)
                for item in [batch] if batched else self._plan.form.examples(batch):
                    given += (size if batched else 1) * self._workers
                    self._position = self._position.moved(given)
                    yield item

    def _decoded(self, size: int) -> Any:
        """Yield this worker's batches, decoded ahead by threads.

        They are every ``workers``-th from its first on.
        """
        plan, order, rank = self._plan, self._order, self._here.rank
        own, left = order.left(rank), plan.batches(order, self._here)
        end = left * (plan.batch_size or 1) if plan.pad else min(own, left * (plan.batch_size or 1))
        own_rows, repeated = order.rows(rank), order.again(rank)
        rows: Iterator[tuple[int, Example]] = itertools.chain(own_rows, repeated if plan.pad else ())
        ahead: deque[Future[Decoded]] = deque()
        todo = iter(range(-(-end // size)))

        def submit(threads: ThreadPoolExecutor) -> bool:
            for place in todo:
                found = list(itertools.islice(rows, min(size, end - place * size)))
                if place % self._workers == self._number:
                    ahead.append(threads.submit(plan.form.decode, plan.package, found, max(own - place * size, 0)))
                    return True
            return False

        with ThreadPoolExecutor(plan.threads, "decode") as threads, contextlib.ExitStack() as stack:
            stack.callback(lambda: [future.cancel() for future in ahead])
            stack.callback(repeated.close)
            stack.callback(own_rows.close)
            while True:
                while len(ahead) < plan.threads + 2 and submit(threads):
                    pass
                if not ahead:
                    return
                yield ahead.popleft().result()
