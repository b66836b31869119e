"""Epoch counting for iterators, also across DataLoader workers.

Each iterator gives the next epoch.
"""

from __future__ import annotations

import time
import zlib
from typing import Any, NamedTuple

from cytoimagenet_reader.ranks import worker

_WAIT_SECONDS = 300.0  # most that workers wait for the first of them
_FOLLOWING, _STATE, _KEY, _TAKEN, _TAKEN_STATE = range(5)


class Taken(NamedTuple):
    """An epoch that an iterator has taken.

    ``state`` is the number of the state where it resumes, 0 at its start.
    """

    epoch: int
    state: int


class Epochs:
    """Counter of epochs, shared with DataLoader workers.

    It holds the number of the next epoch, in shared memory. Workers come and go with each epoch, so none could count.
    The first of them takes the next epoch and announces it to the others; they recognise it as theirs by the seed that
    PyTorch draws for each iterator of a DataLoader.
    """

    def __init__(self) -> None:
        import torch

        self._cells: Any = torch.zeros(5, dtype=torch.int64).share_memory_()
        self._turns = 0  # iterators of this process

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._cells.share_memory_()  # a copy made by deepcopy is not

    @property
    def following(self) -> int:
        """The epoch that the next iterator takes."""
        return int(self._cells[_FOLLOWING])

    @property
    def state(self) -> int:
        """Number of that iterator's starting state, or 0.

        0 where it begins its epoch.
        """
        return int(self._cells[_STATE])

    @property
    def worker_turn(self) -> int:
        """Number of the workers' latest turn.

        It stands for the epoch that workers of a DataLoader took last; 0 before the first.
        """
        return int(self._cells[_KEY])

    def set(self, epoch: int, state: int = 0) -> None:
        """Have the next iterator take this epoch."""
        self._cells[_FOLLOWING], self._cells[_STATE] = epoch, state

    def take(self) -> Taken:
        """Return the epoch of an iterator that begins now."""
        here = worker()
        self._turns += 1
        if here is None:
            return self._advance()
        key = zlib.crc32(f"{here.seed} {self._turns}".encode()) | 1 << 32
        if here.number == 0:
            taken = self._advance()
            self._cells[_TAKEN], self._cells[_TAKEN_STATE] = taken
            self._cells[_KEY] = key  # last: the others wait for it
            return taken
        end = time.monotonic() + _WAIT_SECONDS
        while int(self._cells[_KEY]) != key:
            if time.monotonic() > end:
                raise RuntimeError("the first worker of the DataLoader did not begin its epoch")
            time.sleep(0.0005)
        return Taken(int(self._cells[_TAKEN]), int(self._cells[_TAKEN_STATE]))

    def _advance(self) -> Taken:
        taken = Taken(self.following, self.state)
        self.set(taken.epoch + 1)
        return taken
