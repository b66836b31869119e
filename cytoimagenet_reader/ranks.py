"""Ranks of training processes and numbers of DataLoader workers."""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple


class Ranks(NamedTuple):
    """This process, from 0, and how many there are."""

    rank: int
    world_size: int


class Worker(NamedTuple):
    """A DataLoader worker's number, worker count and shared seed.

    All workers of one iterator share the seed.
    """

    number: int
    workers: int
    seed: int


def ranks(rank: int | None, world_size: int | None) -> Ranks:
    """Return the given ranks, or those of PyTorch or torchrun.

    Where none are given, those of PyTorch's process group are returned or, before there is one, RANK and WORLD_SIZE,
    which torchrun and ``accelerate launch`` set in the environment.

    Raises
    ------
    ValueError
        Where only one of the two is given, or the rank is not one of the processes.
    """
    if (rank is None) != (world_size is None):
        raise ValueError("give rank and world_size together, or neither: then they come from torch.distributed")
    if rank is None or world_size is None:
        rank, world_size = _process_group() or _environment() or (0, 1)
    if not 0 <= rank < world_size:
        raise ValueError(f"rank must lie in [0, {world_size}), not {rank}")
    return Ranks(rank, world_size)


def _process_group() -> tuple[int, int] | None:
    import torch.distributed as group

    return (group.get_rank(), group.get_world_size()) if group.is_available() and group.is_initialized() else None


def _environment() -> tuple[int, int] | None:
    stated = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if None in stated:
        return None
    try:
        return int(stated[0] or ""), int(stated[1] or "")
    except ValueError:
        raise ValueError(
            f"RANK and WORLD_SIZE in the environment are {stated[0]!r} and {stated[1]!r}, no numbers; "
            "give rank= and world_size="
        ) from None


def worker() -> Worker | None:
    """Return this process's DataLoader worker, or None outside one."""
    from torch.utils.data import get_worker_info

    info: Any = get_worker_info()
    return None if info is None else Worker(info.id, info.num_workers, info.seed - info.id)


def shared_out_by_accelerate() -> bool:
    """Return whether accelerate iterates, and shares out itself.

    What one process reads of a DataLoader of an iterable data set, accelerate takes for the whole, and gives to each
    process a part: of a share, the others would never be seen. Only the callers tell; a worker that was forked has its
    parent's among its own.
    """
    if "accelerate" not in sys.modules:
        return False
    frame: Any = sys._getframe(1)
    while frame is not None:
        if type(frame.f_locals.get("self")).__name__ in ("DataLoaderDispatcher", "IterableDatasetShard"):
            return True
        frame = frame.f_back
    return False
