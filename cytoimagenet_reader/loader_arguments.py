"""Checked arguments of ``loader`` for the form of batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from cytoimagenet_reader.arguments import check_count, check_flag, check_texts
from cytoimagenet_reader.training_batches import REPEATED, Form

PACKAGE: Final = "package"
"""A value of ``normalize``: the mean and standard deviation that the manifest states."""


def size_of(size: Any) -> tuple[int, int] | None:
    """Return (H, W) of one number or two.

    None stands for the sizes as stored.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"size must be one number of pixels, (height, width) or None, not {size!r}")
    for side in sides:
        check_count("size", side, none="as stored" if size is None else "")
    return int(sides[0]), int(sides[1])


def form_of(
    decode: bool,
    size: Any,
    columns: Sequence[str],
    pad: bool,
    channels: int,
    dtype: Any,
    normalize: Any,
    channels_last: bool,
    transform: Any,
    keys: Any,
) -> Form:
    """Return the form of batches.

    ``normalize`` is a pair of numbers, ``PACKAGE`` or None.

    Raises
    ------
    TypeError, ValueError
        For a value that its argument does not take, or that says what becomes of pixels where none are decoded.
    """
    import torch

    check_flag("decode", decode)
    check_texts("columns", columns)
    check_flag("pad", pad)
    check_flag("channels_last", channels_last)
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3, not {channels!r}")
    if not (dtype is None or isinstance(dtype, torch.dtype)):
        raise TypeError(f"dtype must be one of PyTorch's, as torch.float32, not {dtype!r}")
    if normalize is not None:
        _check_normalize(normalize, dtype)
    if not (transform is None or callable(transform)):
        raise TypeError(f"transform must be callable, not {transform!r}")
    if not (keys is None or (isinstance(keys, tuple | list) and [type(key) for key in keys] == [str, str])):
        raise TypeError(f'keys must be two names, as ("pixel_values", "labels"), not {keys!r}')
    names = (columns,) if isinstance(columns, str) else tuple(columns)
    _check_names([*(keys or ()), *names, *([REPEATED] if pad else [])])
    if not decode:
        pixels = {"channels": channels != 1, "dtype": dtype, "normalize": normalize, "channels_last": channels_last}
        if given := [name for name, value in pixels.items() if value]:
            raise ValueError(f"decode=False gives PNGs as they are stored: leave out {', '.join(given)}")
    return Form(
        decoded=decode,
        size=size_of(size),
        columns=names,
        repeats=pad,
        channels=channels,
        dtype=dtype,
        normalize=None if normalize in (None, PACKAGE) else (float(normalize[0]), float(normalize[1])),
        channels_last=channels_last,
        transform=transform,
        keys=None if keys is None else (keys[0], keys[1]),
    )


def _check_names(names: Sequence[str]) -> None:
    """Raise ValueError where parts of a batch share a name."""
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise ValueError(f"{twice[0]!r} would name two things of a batch: change keys or columns")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_normalize(normalize: Any, dtype: Any) -> None:
    pair = isinstance(normalize, tuple | list) and len(normalize) == 2 and all(map(_is_number, normalize))
    if normalize != PACKAGE and not (pair and normalize[1] > 0):
        stated = f"{PACKAGE!r} for the package's, or None"
        raise ValueError(f"normalize must be (mean, standard deviation above 0), {stated}, not {normalize!r}")
    if dtype is None or not dtype.is_floating_point:
        raise ValueError(f"normalize needs a floating dtype, for instance torch.float32, not {dtype}")
