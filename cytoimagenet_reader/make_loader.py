"""``loader``: a split of a package as batches for training."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from cytoimagenet_reader.arguments import check_count, check_flag, filter_of
from cytoimagenet_reader.epoch_plan import Cut, Plan, content_of
from cytoimagenet_reader.loader import Loader
from cytoimagenet_reader.loader_arguments import PACKAGE, form_of
from cytoimagenet_reader.order import Shuffle
from cytoimagenet_reader.package import FULL, Package
from cytoimagenet_reader.selection import Selection, select
from cytoimagenet_reader.streams import Stream
from cytoimagenet_reader.weighted import WeightedStreams, row_weights

__all__ = ["Loader", "loader"]


def loader(
    place: str | os.PathLike[str],
    config: str = FULL,
    split: str = "train",
    *,
    batch_size: int | None = 64,
    decode: bool = True,
    size: int | tuple[int, int] | None = 224,
    shuffle: bool = True,
    seed: int = 0,
    buffer: int = 1000,
    threads: int | None = None,
    rank: int | None = None,
    world_size: int | None = None,
    drop_last: bool = False,
    pad: bool = False,
    balanced: bool = False,
    weights: Mapping[str, float] | str | None = None,
    columns: Sequence[str] = (),
    label_ids: str | None = None,
    channels: int = 1,
    dtype: Any = None,
    normalize: tuple[float, float] | Literal["package"] | None = None,
    channels_last: bool = False,
    transform: Callable[[Any], Any] | None = None,
    keys: tuple[str, str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    **conditions: Any,
) -> Loader:
    """Return batches for training in PyTorch.

    The package is in a folder or at a URL. ``for images, labels in loader(...)`` gives each image once per epoch: torch
    uint8 (B, 1, H, W) and int64 (B,). Every ``iter`` gives the next epoch. Threads decode and resize (compiled kernels
    leave Python's lock), so no worker processes are needed, and the order depends on the seed and the epoch only, not
    on the number of threads.

    Parameters
    ----------
    batch_size : None gives single examples, for those who batch themselves (``Trainer`` of transformers)
    decode : False gives a list of PNGs instead of the tensor, each a read-only memoryview of its record batch, not
        copied; a view keeps the shard mapped, or what was fetched of it in memory, and ``bytes(view)`` is a copy.
        ``transform`` is called with each: ``transform=bytes`` gives bytes. ``size`` is then ignored
    size : pixels, one number or (H, W), resized as Pillow's antialiased bilinear; None gives a list of (H, W) as stored
    buffer : rows that are shuffled among each other; streams of rows are shuffled too
    threads : that decode; all cores by default
    rank, world_size : this process and their number, of which each gets its share; by default those of
        ``torch.distributed`` or, before it is initialized, of torchrun
    drop_last : leave out the last, smaller batch, and give every rank as many batches
    pad : give every rank as many batches, all full, by repeating examples; then a batch has (images, labels, more), and
        ``more["repeated"]`` (bool (B,)) marks them
    balanced : draw examples so that all classes are given equally often; an epoch has as many examples as the split
    weights : draw them by these: a weight by class name, or the name of a column that holds one for each example
    columns : further columns: a batch is (images, labels, more), where ``more`` is a dict of lists by column
    label_ids : "full" for the ids that classes have in ``full``; None counts the classes that remain from 0
    channels : 1, or 3 of the same values, which share their memory
    dtype : of the images, uint8 by default; of a floating one the values lie in [0, 1]
    normalize : (mean, standard deviation) of pixels in [0, 1], for a floating ``dtype``; "package" for those of the
        config's training images (``Package.normalization``), whatever the split and the conditions
    channels_last : have images lie in memory pixel by pixel
    transform : called with the images of a batch, in the order of the batches (torchvision's v2 transforms take them);
        without ``batch_size`` or ``size`` with each image (C, H, W), and those of a batch are stacked where they have
        one shape
    keys : names of images and labels: batches are dicts, as the models of transformers take them
    conditions : fields of ``CytoImageNetConfig`` (``labels=``, ``sources=``, ``commercial_use=`` ...)

    Raises
    ------
    TypeError, ValueError
        For an argument that is not what it should be; the message names what is.
    PackageError
        Where there is no package, or it has nothing of what was asked for.
    ShardError
        While iterating, where a shard cannot be read, after several tries if it is remote.
    """
    _check_torch()
    check_count("batch_size", batch_size, none="single examples")
    check_count("seed", seed, 0)
    check_count("buffer", buffer)
    check_count("threads", threads, none="all cores")
    check_count("rank", rank, 0, none="found out")
    check_count("world_size", world_size, none="found out")
    check_flag("shuffle", shuffle)
    check_flag("drop_last", drop_last)
    check_flag("balanced", balanced)
    if balanced and weights is not None:
        raise ValueError("give balanced or weights, not both")
    wanted = filter_of(conditions, "loader", inspect.signature(loader).parameters)
    form = form_of(decode, size, columns, pad, channels, dtype, normalize, channels_last, transform, keys)
    package = Package(os.fspath(place), storage_options)
    if normalize == PACKAGE:
        form = form._replace(normalize=package.normalization(config))
    selection = select(package, config, wanted, ["image", "label", *form.columns], label_ids)
    split = str(split)
    facts: list[Any] = [selection.classes, [seed, buffer] if shuffle else None]
    base = selection.streams(split)
    cut: Cut = _Cut(selection, split)
    if balanced or weights is not None:
        cut = WeightedStreams(selection, split, row_weights(package, selection, split, weights), seed)
        facts += [seed, cut.digest()]
    plan = Plan(
        package=package,
        classes=selection.classes,
        cut=cut,
        content=content_of(base, facts),
        form=form,
        batch_size=batch_size,
        shuffle=Shuffle(seed, buffer) if shuffle else None,
        threads=threads or os.cpu_count() or 1,
        drop_last=drop_last,
        pad=pad,
    )
    return Loader(plan, rank, world_size)


class _Cut:
    """The streams of a split, the same in every epoch."""

    def __init__(self, selection: Selection, split: str) -> None:
        self._selection, self._split = selection, split

    def __call__(self, epoch: int, world_size: int) -> list[Stream]:
        return self._selection.streams(self._split, world_size)


def _check_torch() -> None:
    try:
        import torch.utils.data  # noqa: F401
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "torch":
            raise
        raise ModuleNotFoundError(
            'cytoimagenet.loader needs PyTorch: pip install "cytoimagenet[train]"', name="torch"
        ) from None
