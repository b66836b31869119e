"""Standardising: channels of any type become one 8-bit grey picture (method, section 3).

Every number is the float64 result of the plain formula: clip to the percentiles, ``(x - lo) / (hi - lo)``, sum of the
channels in their order over their number, times 255, rounded half to even. Integers go through a table of that
formula's results, one entry a grey level, which is the same to the last bit and does the arithmetic once a level
instead of once a pixel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from builder.errors import RejectedError
from builder.pixels import percentiles

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]
Window = tuple[slice, slice]

LOW_PERCENT = 0.1
HIGH_PERCENT = 99.9
WHOLE: Window = (slice(None), slice(None))

_MOST_LEVELS = 1 << 20  # a table of more levels costs more than sorting the pixels


@dataclasses.dataclass(frozen=True)
class Levels:
    """A channel as indices into a table of its levels scaled to [0, 1]."""

    indices: npt.NDArray[Any]  # (H, W), unsigned
    scaled: F64  # (levels,)

    def window(self, window: Window) -> F64:
        """Return the scaled grey values of a window, float64."""
        return np.take(self.scaled, self.indices[window])


@dataclasses.dataclass(frozen=True)
class Values:
    """A channel as floats, scaled to [0, 1] when asked."""

    values: npt.NDArray[Any]  # (H, W), float
    low: float
    high: float

    def window(self, window: Window) -> F64:
        """Return the scaled grey values of a window, float64; missing pixels are black."""
        return scale(self.values[window].astype(np.float64), self.low, self.high)


Channel = Levels | Values


def scale(values: F64, low: float, high: float) -> F64:
    """Clip to [low, high] and scale to [0, 1]; NaN and infinities are missing pixels and become 0 (black)."""
    out = np.where(np.isfinite(values), values, low)
    np.clip(out, low, high, out=out)
    out -= low
    out /= high - low
    return out


def gray(channel: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], int]:
    """Return a channel as one plane and what its values are to be divided by.

    (H, W) stays as it is; of (H, W, 3 or 4) the first three are summed (a fourth is opacity, not light) and the
    divisor is 3, so that the average of integers stays an integer until it is scaled.
    """
    if channel.ndim == 2:
        return channel, 1
    if channel.ndim != 3 or channel.shape[2] not in (3, 4):
        raise ValueError(f"a channel is (H, W) or (H, W, 3 or 4), not {channel.shape}")
    if channel.dtype.kind == "f":
        return channel[..., :3].astype(np.float64).sum(axis=2) / 3, 1
    wide = np.int64 if channel.dtype.itemsize > 2 else np.int32
    red, green, blue = (channel[..., i].astype(wide) for i in range(3))
    return red + green + blue, 3


def prepare(
    channel: npt.NDArray[Any], low_percent: float = LOW_PERCENT, high_percent: float = HIGH_PERCENT
) -> Channel | None:
    """Find a channel's percentiles and how to scale it; None where they are equal (it shows nothing).

    Parameters
    ----------
    channel : (H, W) or (H, W, 3 or 4), bool, integer or float
    low_percent, high_percent : percentiles that become black and white
    """
    plane, divisor = gray(channel)
    percents = (low_percent, high_percent)
    if plane.size == 0:
        return None
    if plane.dtype.kind == "f":
        finite = plane[np.isfinite(plane)]
        if finite.size == 0:
            return None
        low, high = percentiles.of_values(finite.astype(np.float64, copy=False), percents)
        return Values(plane, low, high) if low < high else None
    if plane.dtype.kind == "b":
        plane = plane.view(np.uint8)
    if plane.dtype.kind not in "ui":
        raise ValueError(f"a channel holds whole numbers or floats, not {plane.dtype}")
    first = 0 if plane.dtype.kind == "u" and plane.dtype.itemsize <= 2 else int(plane.min())
    span = int(plane.max()) - first + 1
    if span > _MOST_LEVELS:
        values = plane.astype(np.float64) / divisor
        low, high = percentiles.of_values(values.ravel(), percents)
        return Values(values, low, high) if low < high else None
    indices = plane if first == 0 else (plane.astype(np.int64) - first).astype(np.uint32)
    counts = np.bincount(indices.ravel(), minlength=span)
    levels = np.arange(first, first + span, dtype=np.float64) / divisor
    low, high = percentiles.of_histogram(counts, levels, percents)
    return Levels(indices, scale(levels, low, high)) if low < high else None


def merge(channels: Sequence[Channel], window: Window = WHOLE) -> F64:
    """Return the average of the scaled channels in a window: float64 (h, w) in [0, 1]."""
    total = channels[0].window(window)
    for channel in channels[1:]:
        total += channel.window(window)
    total /= len(channels)
    return total


def quantize(merged: F64) -> U8:
    """Return [0, 1] as 8-bit grey levels, rounded half to even."""
    out: U8 = np.rint(merged * 255).astype(np.uint8)
    return out


def prepared(
    channels: Sequence[npt.NDArray[Any]], low_percent: float = LOW_PERCENT, high_percent: float = HIGH_PERCENT
) -> list[Channel]:
    """Return the channels that show something, ready to be merged.

    Raises
    ------
    RejectedError
        "unreadable" with no channel, "mismatched" where their sizes differ, "uniform" where none shows anything.
    """
    if not channels:
        raise RejectedError("unreadable", "no channel")
    sizes = sorted({channel.shape[:2] for channel in channels})
    if len(sizes) > 1:
        raise RejectedError("mismatched", ", ".join(f"{width} x {height}" for height, width in sizes))
    out = [ready for channel in channels if (ready := prepare(channel, low_percent, high_percent)) is not None]
    if not out:
        raise RejectedError("uniform", f"{len(channels)} channel(s)")
    return out


def standardize(
    channels: Sequence[npt.NDArray[Any]], low_percent: float = LOW_PERCENT, high_percent: float = HIGH_PERCENT
) -> U8:
    """Return one 8-bit grey picture of an image's channels (method, section 3).

    Parameters
    ----------
    channels : each (H, W) or (H, W, 3 or 4: the fourth, opacity, is dropped), any bool, integer or float type
    low_percent, high_percent : percentiles of a channel that become black and white

    Returns
    -------
    uint8 (H, W)

    Raises
    ------
    RejectedError
        "unreadable" with no channel, "mismatched" where their sizes differ, "uniform" where every one is flat.
    """
    return quantize(merge(prepared(channels, low_percent, high_percent)))
