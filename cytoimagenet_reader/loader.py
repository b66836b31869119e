"""``loader``: batches for training in PyTorch, decoded by threads."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from cytoimagenet_reader.decode import decode, decode_resized
from cytoimagenet_reader.errors import ShardError
from cytoimagenet_reader.filters import Filter
from cytoimagenet_reader.package import FULL, Package
from cytoimagenet_reader.rows import Example, TrainingRows, interleaved
from cytoimagenet_reader.selection import Selection, select
from cytoimagenet_reader.streams import Stream, count_rows, name_key


class Loader:
    """Batches for training, from a local or remote package; see ``loader``.

    Attributes
    ----------
    classes : the class names, in the order of their ids
    epoch : the epoch that the next ``iter`` gives; it goes up by one when all batches of an epoch were taken
    """

    def __init__(
        self,
        package: Package,
        selection: Selection,
        split: str,
        *,
        batch_size: int,
        size: tuple[int, int] | None,
        shuffle: bool,
        seed: int,
        buffer: int,
        threads: int,
        rank: int,
        world_size: int,
        drop_last: bool,
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank must lie in [0, {world_size}), not {rank}")
        if min(batch_size, buffer, threads) < 1:
            raise ValueError("batch_size, buffer and threads must be at least 1")
        self.classes = selection.classes
        self.epoch = 0
        self._package, self._rows = package, TrainingRows(selection.classes)
        self._streams = selection.streams(split, world_size)
        self._batch_size, self._size, self._shuffle, self._seed = batch_size, size, shuffle, seed
        self._buffer, self._threads, self._drop_last = buffer, threads, drop_last
        self._rank, self._world_size = rank, world_size
        self._given = 0  # rows of this epoch that were taken
        self._resumed = False

    def __len__(self) -> int:
        """Return the number of batches of this epoch; with ``drop_last`` the same on all nodes."""
        if self._drop_last:
            return min(count_rows(self._order(rank)) for rank in range(self._world_size)) // self._batch_size
        return -(-count_rows(self._order(self._rank)) // self._batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Begin this epoch at its first batch."""
        self.epoch, self._given, self._resumed = epoch, 0, False

    def state_dict(self) -> dict[str, Any]:
        """Return where it stands, after the last batch that was taken: plain values."""
        return {"epoch": self.epoch, "given": self._given, "order": self._fingerprint()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on, at the next ``iter``, where ``state_dict`` stood.

        Raises
        ------
        ValueError
            Where the state comes from other data, another seed, buffer or number of nodes: the order is another.
        """
        if state["order"] != self._fingerprint():
            raise ValueError("the state is of a loader with other data, seed, buffer, rank or world_size")
        self.epoch, self._given, self._resumed = state["epoch"], state["given"], True

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield (images, labels): torch uint8 (B, 1, H, W), or without ``size`` a list of (H, W); int64 (B,)."""
        import torch

        if not self._resumed:
            self._given = 0
        self._resumed = False
        left = len(self) - -(-self._given // self._batch_size)
        ahead: deque[Future[tuple[Any, np.ndarray[Any, Any]]]] = deque()
        rows = self._shuffled(self._given)
        with ThreadPoolExecutor(self._threads, "decode") as threads, contextlib.closing(rows):
            try:
                while left:
                    while len(ahead) < min(left, self._threads + 2):
                        ahead.append(threads.submit(self._batch, list(itertools.islice(rows, self._batch_size))))
                    images, labels = ahead.popleft().result()
                    left -= 1
                    self._given += len(labels)
                    if isinstance(images, list):
                        yield [torch.from_numpy(image) for image in images], torch.from_numpy(labels)
                    else:
                        yield torch.from_numpy(images), torch.from_numpy(labels)
            finally:
                for future in ahead:
                    future.cancel()
        self.epoch, self._given = self.epoch + 1, 0

    def _batch(self, rows: list[tuple[int, Example]]) -> tuple[Any, np.ndarray[Any, Any]]:
        out = None if self._size is None else np.empty((len(rows), 1, *self._size), np.uint8)
        plain = []
        for i, (key, (data, _)) in enumerate(rows):
            try:
                if out is None or self._size is None:
                    plain.append(decode(data))
                else:
                    decode_resized(data, self._size, out[i, 0])
            except ValueError as error:
                where = f"{self._package.place}: {name_key(key)}"
                raise ShardError(f"{where}: {error}; run cytoimagenet verify") from error
        return plain if out is None else out, np.array([label for _, (_, label) in rows], np.int64)

    def _order(self, rank: int) -> list[Stream]:
        """Return a node's streams in the order of this epoch."""
        if not self._shuffle:
            return self._streams[rank :: self._world_size]
        order = np.random.default_rng([self._seed, self.epoch]).permutation(len(self._streams))
        return [self._streams[i] for i in order[rank :: self._world_size]]

    def _shuffled(self, start: int) -> Generator[tuple[int, Example], None, None]:
        """Yield (key, row) from row ``start`` of the epoch on, each window of ``buffer`` rows in a drawn order."""
        order = self._order(self._rank)
        if not self._shuffle:
            yield from self._sequence(order, start)
            return
        window, past = divmod(start, self._buffer)
        rows = self._sequence(order, window * self._buffer)
        with ThreadPoolExecutor(1, "read") as thread:
            ahead = thread.submit(lambda: list(itertools.islice(rows, self._buffer)))
            while held := ahead.result():
                ahead = thread.submit(lambda: list(itertools.islice(rows, self._buffer)))
                draw = np.random.default_rng([self._seed, self.epoch, self._rank, window])
                for i in draw.permutation(len(held))[past:]:
                    yield held[i]
                window, past = window + 1, 0

    def _sequence(self, order: Sequence[Stream], skip: int) -> Iterator[tuple[int, Example]]:
        for stream in order:
            count = count_rows([stream])
            if skip >= count:
                skip -= count
                continue
            yield from interleaved(self._package, stream, {}, self._rows, skip)
            skip = 0

    def _fingerprint(self) -> str:
        facts = [self._seed, self._shuffle, self._buffer, self._rank, self._world_size, self.classes]
        shards = [(part.shard.sha256, part.start, part.stop) for stream in self._streams for part in stream]
        return hashlib.sha256(json.dumps([facts, shards]).encode()).hexdigest()


def loader(
    place: str | os.PathLike[str],
    config: str = FULL,
    split: str = "train",
    *,
    batch_size: int = 64,
    size: int | tuple[int, int] | None = 224,
    shuffle: bool = True,
    seed: int = 0,
    buffer: int = 1000,
    threads: int | None = None,
    rank: int = 0,
    world_size: int = 1,
    drop_last: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    **conditions: Any,
) -> Loader:
    """Return batches for training in PyTorch, from a package in a folder or at a URL.

    ``for images, labels in loader(...)`` gives each image once per epoch: torch uint8 (B, 1, H, W) and int64 (B,).
    Threads decode and resize (compiled passes leave Python's lock), so no worker processes are needed, and the order
    depends on the seed and the epoch only, not on the number of threads.

    Parameters
    ----------
    size : pixels, one number or (H, W), resized as Pillow's antialiased bilinear; None gives a list of (H, W) as stored
    buffer : rows that are shuffled among each other; streams of rows are shuffled too
    threads : that decode; all cores by default
    rank, world_size : this node and their number; a node reads only its share
    drop_last : leave out the last, smaller batch, and give every node as many batches
    conditions : fields of ``CytoImageNetConfig`` (``labels=``, ``sources=``, ``commercial_use=`` ...)

    Raises
    ------
    PackageError
        Where there is no package, or it has nothing of what was asked for.
    ShardError
        While iterating, where a shard cannot be read, after several tries if it is remote.
    """
    package = Package(os.fspath(place), storage_options)
    selection = select(package, config, Filter(**conditions), ["image", "label"])
    return Loader(
        package,
        selection,
        split,
        batch_size=batch_size,
        size=(size, size) if isinstance(size, int) else size,
        shuffle=shuffle,
        seed=seed,
        buffer=buffer,
        threads=threads or os.cpu_count() or 1,
        rank=rank,
        world_size=world_size,
        drop_last=drop_last,
    )
