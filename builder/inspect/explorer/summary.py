"""What is counted of each class, over all examples."""

from __future__ import annotations

import itertools
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from builder.inspect.explorer.histogram import Histogram
from builder.inspect.explorer.rows import Codes, coded
from builder.plotting import settings
from builder.schema import CATEGORIES, SPLITS

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

BINS: Final = 24
_SHARES: Final = 20  # bins of the shares of validation
_WIDEST: Final = 0.2  # share at which they end, where none is larger
_FILTERS: Final = ("dir_name", "database", "license", "microscopy", "scaling")


class Classes(NamedTuple):
    """The classes by category and name; each example's class."""

    names: list[str]
    categories: list[str]
    of_row: I64  # (rows,)


def classes_of(table: pa.Table) -> Classes:
    """Number the classes; each is a category and a label."""
    labels, categories = coded(table["label"]), coded(table["category"])
    place = np.array([CATEGORIES.index(name) for name in categories.values], np.int64)
    keys = place[categories.codes] * len(labels.values) + labels.codes
    present, of_row = np.unique(keys, return_inverse=True)
    category, label = np.divmod(present, max(1, len(labels.values)))
    names = [labels.values[code] for code in label.tolist()]
    return Classes(names, [CATEGORIES[code] for code in category.tolist()], of_row.astype(np.int64))


def counts(classes: Classes, column: Codes) -> list[list[tuple[int, int]]]:
    """Return of each class (code, examples), most first.

    Rows without a value are left out.
    """
    width = len(column.values)
    known = column.codes >= 0
    cells, sizes = np.unique(classes.of_row[known] * max(1, width) + column.codes[known], return_counts=True)
    found: list[list[tuple[int, int]]] = [[] for _ in classes.names]
    for cell, size in zip(cells.tolist(), sizes.tolist(), strict=True):
        found[cell // width].append((cell % width, size))
    return [sorted(pairs, key=lambda pair: (-pair[1], pair[0])) for pairs in found]


def summary(table: pa.Table, classes: Classes) -> dict[str, Any]:
    """Return the columns of the class list, as JSON values.

    Values of ``dir_name``, ``database``, ``license``, ``microscopy`` and ``scaling`` are (code, examples),
    the codes those of ``values``.
    """
    total = len(classes.names)
    split = coded(table["split"])
    sides = {
        side: np.bincount(classes.of_row[split.codes == split.values.index(side)], minlength=total).tolist()
        if side in split.values
        else [0] * total
        for side in SPLITS
    }
    columns = {name: coded(table[name]) for name in _FILTERS}
    return {
        "names": classes.names,
        "categories": classes.categories,
        **sides,
        "images": _distinct(classes, coded(table["idx"])),
        "groups": _distinct(classes, coded(table["group"])),
        "values": {name: column.values for name, column in columns.items()},
        **{name: counts(classes, column) for name, column in columns.items()},
        **{name: _medians(classes, table[name]) for name in ("contrast", "sharpness")},
    }


class Histograms(NamedTuple):
    """Counts by class, and the edges common to all."""

    edges: list[float]
    counts: npt.NDArray[np.int64]  # (classes, BINS)
    log: bool


def histograms(table: pa.Table, classes: Classes, name: str, log: bool) -> Histograms:
    """Count a column's values by class, in common bins.

    Bins reach from the first to the last thousandth of the values of the package; what lies beyond is in the outermost.
    """
    values = table[name].to_numpy().astype(np.float64)
    known = np.isfinite(values) & ((values > 0) | (not log))
    scaled = np.log10(values[known]) if log else values[known]
    low, high = np.percentile(scaled, (0.1, 99.9)).tolist() if len(scaled) else (0.0, 1.0)
    high = high if high > low else low + 1
    places = np.clip(((scaled - low) / (high - low) * BINS).astype(np.int64), 0, BINS - 1)
    cells = np.bincount(classes.of_row[known] * BINS + places, minlength=len(classes.names) * BINS)
    edges = np.linspace(low, high, BINS + 1)
    return Histograms([float(f"{edge:.4g}") for edge in (10**edges if log else edges)], cells.reshape(-1, BINS), log)


def shares_of(counted: dict[str, Any]) -> dict[str, Any]:
    """Return the histogram of the classes' shares of validation.

    Parameters
    ----------
    counted : of `summary`
    """
    sides = np.array([counted[side] for side in SPLITS], np.float64).reshape(len(SPLITS), -1)
    shares = sides[1] / sides.sum(axis=0)
    edges = np.linspace(0, max(_WIDEST, shares.max(initial=0)), _SHARES + 1)
    counts, _ = np.histogram(shares, edges)
    with settings():
        return Histogram(edges.tolist()).drawn(counts.tolist())


def _distinct(classes: Classes, column: Codes) -> list[int]:
    cells = np.unique(classes.of_row * max(1, len(column.values)) + column.codes)
    sizes: list[int] = np.bincount(cells // max(1, len(column.values)), minlength=len(classes.names)).tolist()
    return sizes


def _medians(classes: Classes, column: pa.ChunkedArray) -> list[float | None]:
    values = column.to_numpy().astype(np.float64)
    order = np.argsort(classes.of_row, kind="stable")
    bounds = np.searchsorted(classes.of_row[order], np.arange(len(classes.names) + 1))
    found: list[float | None] = []
    for low, high in itertools.pairwise(bounds.tolist()):
        some = values[order[low:high]]
        some = some[np.isfinite(some)]
        found.append(float(f"{np.median(some):.4g}") if len(some) else None)
    return found
