"""Standardisation of channels to one 8-bit grey image.

Section 3 of the method; channels may be of any type. Every number is the float64 result of the plain formula: clip to
the percentiles, ``(x - low) / (high - low)``, the sum of the channels in their order over their number, times 255,
rounded half to even. Whole numbers go through a table of that formula's results, one entry per grey level, which is the
same to the last bit and does the arithmetic once a level instead of once a pixel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from builder.errors import RejectedError
from builder.pixels import kernels, percentiles
from builder.recipe import Recipe

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]

_MOST_LEVELS = 1 << 20  # a table of more levels costs more than selecting among the pixels

_LARGE = 2.0**1021


@dataclasses.dataclass(frozen=True, eq=False)
class Levels:
    """A channel as indices into a table of scaled levels.

    The levels are scaled to [0, 1].
    """

    indices: npt.NDArray[Any]  # (H, W), unsigned, C order
    table: F64  # (levels,)

    def window(self, rows: slice, columns: slice) -> F64:
        """Return the scaled grey values of a window, float64."""
        return np.take(self.table, self.indices[rows, columns])


@dataclasses.dataclass(frozen=True, eq=False)
class Values:
    """A channel as floats, scaled to [0, 1] when asked."""

    values: npt.NDArray[Any]  # (H, W), float
    low: float
    high: float

    def window(self, rows: slice, columns: slice) -> F64:
        """Return the scaled grey values of a window.

        float64; missing pixels (NaN, infinities) are black.
        """
        values = self.values[rows, columns].astype(np.float64)
        values[~np.isfinite(values)] = self.low
        np.clip(values, self.low, self.high, out=values)
        values -= self.low
        values /= self.high - self.low
        return values


class Merged:
    """The average of an image's non-uniform channels, computed on demand.

    Parameters
    ----------
    channels : each (H, W) or (H, W, 3 or 4: the fourth, opacity, is dropped), any bool, integer or float type
    low_percent, high_percent : percentiles of a channel that become black and white

    Raises
    ------
    RejectedError
        "unreadable" with no channel, "mismatched" where their sizes differ, "uniform" where every one is flat.
    """

    def __init__(self, channels: Sequence[npt.NDArray[Any]], low_percent: float, high_percent: float) -> None:
        if not channels:
            raise RejectedError("unreadable", "no channel")
        sizes = sorted({channel.shape[:2] for channel in channels})
        if len(sizes) > 1:
            raise RejectedError("mismatched", ", ".join(f"{width} x {height}" for height, width in sizes))
        ready = [prepare(channel, (low_percent, high_percent)) for channel in channels]
        self._channels = [channel for channel in ready if channel is not None]
        if not self._channels:
            raise RejectedError("uniform", f"{len(channels)} channel(s)")
        self.height, self.width = sizes[0]
        self._indices = tuple(channel.indices for channel in self._channels if isinstance(channel, Levels))
        self._tables = tuple(channel.table for channel in self._channels if isinstance(channel, Levels))
        # one type for all, so that a compiled kernel is one loop; anything else goes through numpy
        self._alike = len(self._indices) == len(self._channels) and len({plane.dtype for plane in self._indices}) == 1

    def window(self, rows: slice, columns: slice) -> F64:
        """Return a window of the average, float64 in [0, 1]."""
        if self._alike:
            bounds = (rows.start, rows.stop, columns.start, columns.stop)
            merged: F64 = kernels.merge(self._indices, self._tables, *bounds)
            return merged
        total = self._channels[0].window(rows, columns)
        for channel in self._channels[1:]:
            total += channel.window(rows, columns)
        total /= len(self._channels)
        return total

    def quantized(self) -> U8:
        """Return the whole image, uint8 (H, W).

        The average times 255, rounded half to even.
        """
        if self._alike:
            return kernels.merge_quantized(self._indices, self._tables)
        return kernels.quantize(self.window(slice(0, self.height), slice(0, self.width)))


def prepare(channel: npt.NDArray[Any], percents: tuple[float, float]) -> Levels | Values | None:
    """Return a channel ready for scaling; None if uniform.

    It is uniform where its two percentiles are equal.
    """
    plane, divisor = _grey(channel)
    if plane.size == 0:
        return None
    if plane.dtype.kind == "f":
        return _prepare_floats(plane, percents)
    first, last = int(plane.min()), int(plane.max())
    if plane.dtype.kind == "u" and plane.dtype.itemsize <= 2:
        first = 0  # as they are, they are their own indices
    if last - first >= _MOST_LEVELS:
        return _prepare_floats(plane.astype(np.float64) / divisor, percents)
    if first or plane.dtype.kind == "i" or plane.dtype.itemsize > 4:
        plane = (plane.astype(np.int64) - first if plane.dtype.kind == "i" else plane - first).astype(np.uint32)
    plane = _read_only(plane)
    counts = kernels.histogram(plane, last - first + 1)
    levels = np.arange(first, last + 1, dtype=np.float64) / divisor
    low, high = percentiles.of_histogram(counts, levels, percents)
    return Levels(plane, _table(levels, low, high)) if low < high else None


def _prepare_floats(plane: npt.NDArray[Any], percents: tuple[float, float]) -> Values | None:
    finite = plane[np.isfinite(plane)]
    if finite.size == 0:
        return None
    if plane.dtype.itemsize > 4 and np.abs(finite).max() > _LARGE:  # differences would overflow; powers of 2 are exact
        plane, finite = plane * 0.25, finite * 0.25
    low, high = percentiles.of_values(finite.astype(np.float64, copy=False), percents)
    return Values(plane, low, high) if low < high else None


def _grey(channel: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], int]:
    """Return a channel as one plane, and its divisor.

    Of (H, W, 3 or 4) whole numbers the first three are summed and the divisor is 3: an average that stays whole.
    """
    if channel.dtype.kind not in "buif":
        raise ValueError(f"a channel holds whole numbers or floats, not {channel.dtype}")
    if channel.dtype.kind == "b":
        channel = channel.view(np.uint8)
    if channel.ndim == 2:
        return channel, 1
    if channel.ndim != 3 or channel.shape[2] not in (3, 4):
        raise ValueError(f"a channel is (H, W) or (H, W, 3 or 4), not {channel.shape}")
    if channel.dtype.kind == "f":
        return channel[..., :3].astype(np.float64).sum(axis=2) / 3, 1
    if channel.dtype in (np.uint8, np.uint16):
        return kernels.sum_colours(_read_only(channel)), 3
    if channel.dtype.itemsize == 8:  # sums may not fit
        return channel[..., :3].astype(np.float64).sum(axis=2) / 3, 1
    return channel[..., :3].sum(axis=2, dtype=np.int64), 3


def _read_only(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return pixels as a read-only, C-ordered, native-endian array.

    Kernels are compiled for each type of array, and what can be written is another type than what cannot: as the pixels
    of an uncompressed file, which are the file's own bytes.
    """
    view: npt.NDArray[Any] = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("=")).view()
    view.flags.writeable = False
    return view


def _table(levels: F64, low: float, high: float) -> F64:
    """Return the levels clipped and scaled to [0, 1]."""
    table = np.zeros(levels.size)
    above = int(np.searchsorted(levels, low, "right"))
    white = int(np.searchsorted(levels, high, "left"))
    table[above:white] = (levels[above:white] - low) / (high - low)
    table[white:] = 1
    return table


def standardize(
    channels: Sequence[npt.NDArray[Any]],
    low_percent: float = Recipe.low_percentile,
    high_percent: float = Recipe.high_percentile,
) -> U8:
    """Return one 8-bit grey image, uint8 (H, W).

    Section 3 of the method. Parameters and what is raised are those of ``Merged``. In floats, NaN and infinities are
    missing pixels: they count in no percentile and are black.
    """
    return Merged(channels, low_percent, high_percent).quantized()
