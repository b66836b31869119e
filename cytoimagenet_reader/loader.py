"""``Loader``: batches for PyTorch training, resumable anywhere."""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Mapping
from typing import Any

from cytoimagenet_reader.arguments import check_count
from cytoimagenet_reader.epoch_batches import Batches, EpochBatches
from cytoimagenet_reader.epoch_plan import Plan, Position, position_of
from cytoimagenet_reader.epochs import Epochs
from cytoimagenet_reader.ranks import Ranks, ranks, shared_out_by_accelerate, worker


class _Base:
    """A replaceable parent class; see ``Loader.__new__``.

    The parent of a class without one cannot be replaced.
    """


class Loader(_Base):
    """Batches for training, from a package; see ``loader``.

    It is an ``IterableDataset`` of PyTorch, so that trainers take it as it is, and ``DataLoader(loader,
    batch_size=None)`` passes its batches on, the same with any number of workers.

    Attributes
    ----------
    classes : the class names, in the order of their ids
    normalize : the mean and standard deviation by which images are normalised, or None
    """

    def __new__(cls, *args: Any, **options: Any) -> Loader:
        from torch.utils.data import IterableDataset

        if IterableDataset not in cls.__mro__:  # here, not above: most who import this module do not train
            Loader.__bases__ = (_Base, IterableDataset)
        return super().__new__(cls)

    def __init__(self, plan: Plan, rank: int | None, world_size: int | None) -> None:
        self.classes, self.normalize = plan.classes, plan.form.normalize
        self._plan, self._given_ranks = plan, (rank, world_size)
        self._epochs = Epochs()
        self._loaded: Position | None = None
        self._latest: EpochBatches | None = None  # the iterator made last
        self._turn = 0  # of workers of a DataLoader, when it was last said where to begin
        self._ranks()

    @property
    def epoch(self) -> int:
        """The epoch that the next ``iter`` gives."""
        return self._epochs.following

    def __len__(self) -> int:
        """Return the next epoch's number of batches.

        They are counted from where the next ``iter`` begins. Without ``batch_size``, of examples.

        Raises
        ------
        ValueError
            With ``drop_last``, where the share of a rank is smaller than a batch.
        """
        here = self._ranks()
        return self._plan.batches(self._plan.order(Position(self.epoch).for_ranks(here.world_size)), here)

    def set_epoch(self, epoch: int) -> None:
        """Have the next ``iter`` give this epoch.

        It starts at the first batch, or where a loaded state stands in it.

        Raises
        ------
        TypeError, ValueError
            For what is no whole number of at least 0.
        """
        check_count("epoch", epoch, 0)
        epoch = int(epoch)
        loaded = self._loaded is not None and self._loaded.epoch == epoch
        self._begin(epoch, self._epochs.state if loaded else 0)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the iterator made last.

        It stands after the batch that was handed out last, and consists of plain values. ``iter(loader).state_dict()``
        is that of any iterator, once it gave a batch.

        Raises
        ------
        RuntimeError
            Where workers of a DataLoader iterate: they stand somewhere, this object does not.
        """
        if self._latest is not None:
            return self._latest.state_dict()
        if self._epochs.worker_turn != self._turn and worker() is None:
            raise RuntimeError(
                "the batches come from workers of a DataLoader, which this object does not see: use num_workers=0 "
                "(threads decode), or torchdata's StatefulDataLoader"
            )
        resumed = self._loaded if self._epochs.state else None
        return (resumed or Position(self.epoch)).as_state(self._plan.content)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from a state at the next ``iter``.

        Batch size and number of ranks may differ. One rank's state is every rank's. What the ranks of the former run
        were not given is shared out among the present ones, each example once.

        Raises
        ------
        ValueError
            Where the state is of other data, another seed, buffer or weights: the order is another.
        """
        here = self._ranks()
        position = position_of(state, self._plan.content).for_ranks(here.world_size)
        if any(level.given for level in position.levels) and not self._plan.most(self._plan.order(position), here):
            position = Position(position.epoch + 1).for_ranks(here.world_size)  # fewer are left than a batch holds
        self._loaded = position
        self._begin(position.epoch, _number(position))

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickling, without iterators.

        It includes the rank, which a spawned worker could not find out.
        """
        return {**self.__dict__, "_given_ranks": tuple(self._ranks()), "_latest": None}

    def __iter__(self) -> Batches:
        """Return an iterator over the next or resumed epoch.

        Which is the next is decided when its first batch is asked for.

        It yields (images, labels): torch uint8 (B, 1, H, W), or without ``size`` a list of (H, W), with
        ``decode=False`` one of memoryviews; int64 (B,); and what else ``loader`` was asked for.
        """
        self._ranks()
        return Batches(self._taken, self.state_dict)

    def _taken(self) -> EpochBatches:
        here, place = self._ranks(), worker()
        if place is not None and self._plan.views:
            raise ValueError(
                "decode=False gives views of memory, which a worker of a DataLoader cannot pass on: use num_workers=0, "
                "or transform=bytes"
            )
        taken = self._epochs.take()
        position = Position(taken.epoch)
        if taken.state:
            if self._loaded is None or _number(self._loaded) != taken.state:
                raise RuntimeError("these workers began before the state was loaded: make the DataLoader after it")
            position = self._loaded
        if place is not None and place.workers > 1 and not self._plan.package.local:
            warnings.warn("each worker reads all of a remote package; threads decode: use num_workers=0", stacklevel=2)
        self._latest = EpochBatches(self._plan, position.for_ranks(here.world_size), here, place)
        return self._latest

    def _begin(self, epoch: int, state: int) -> None:
        self._latest, self._turn = None, self._epochs.worker_turn
        self._epochs.set(epoch, state)

    def _ranks(self) -> Ranks:
        """Return this process's share: all, where accelerate asks."""
        here = ranks(*self._given_ranks)
        if here.world_size == 1 or not shared_out_by_accelerate():
            return here
        if self._given_ranks[0] is not None:
            raise RuntimeError(
                "accelerate shares out the examples of a DataLoader itself, and this loader was told to give a share: "
                "make it without rank= and world_size="
            )
        return Ranks(0, 1)


def _number(position: Position) -> int:
    """Return a number for a position, not 0."""
    return zlib.crc32(json.dumps(position).encode()) | 1 << 32
