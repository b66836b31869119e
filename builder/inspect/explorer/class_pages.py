"""The sheet, the cover and the data of each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from builder.engine.progress import Progress
from builder.engine.store import Store
from builder.inspect.explorer.features import LENGTH, features
from builder.inspect.explorer.histogram import Histogram
from builder.inspect.explorer.rows import places, records
from builder.inspect.explorer.scripts import plain, write_script
from builder.inspect.explorer.sheets import cover, fitted, sheet
from builder.inspect.explorer.summary import Classes, histograms
from builder.package.examples_at import each_example
from builder.plotting import settings
from cytoimagenet_reader.decode import decode

I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

_AT_ONCE: Final = 32  # classes whose examples are in memory: 100 MB at most


class Shown(NamedTuple):
    """The examples that are shown, class by class."""

    rows: I64  # of metadata.parquet
    place: I64  # of each within its class
    vectors: F32  # (n, 32), of `features`


def file_name(number: int) -> str:
    """Return the name of a class's files, without ending."""
    return f"c{number:05d}"


def write_class_pages(
    out: Path, package: Store, manifest: dict[str, Any], table: pa.Table, classes: Classes, chosen: I64
) -> Shown:
    """Write ``sheets/``, ``covers/`` and ``data/`` of every class.

    Parameters
    ----------
    chosen : rows shown, of `choose`
    """
    for name in ("sheets", "covers"):
        (out / name).mkdir()
    bars = {
        "contrast": histograms(table, classes, "contrast", log=False),
        "sharpness": histograms(table, classes, "sharpness", log=True),
    }
    of_chosen = classes.of_row[chosen]
    bounds = np.searchsorted(of_chosen, np.arange(len(classes.names) + 1)).tolist()
    vectors = np.zeros((len(chosen), LENGTH), np.float32)
    found = np.zeros(len(chosen), bool)
    with settings(), Progress("report", len(classes.names), "classes") as progress:
        drawings = {name: Histogram(bar.edges, bar.log) for name, bar in bars.items()}
        for first in range(0, len(classes.names), _AT_ONCE):
            last = min(first + _AT_ONCE, len(classes.names))
            low, high = bounds[first], bounds[last]
            rows = chosen[low:high]
            images = _images(package, manifest, table, rows)
            for at, image in enumerate(images):
                if image is not None:
                    vectors[low + at], found[low + at] = features(image), True
            full = records(package, rows)
            for number in range(first, last):
                begin, end = bounds[number] - low, bounds[number + 1] - low
                there = [at for at in range(begin, end) if images[at] is not None]
                facts = {name: drawings[name].drawn(bar.counts[number].tolist()) for name, bar in bars.items()}
                _write(out, number, full.take(pa.array(there, pa.int64())), [images[at] for at in there], facts)
                progress.add()
    rows, of_shown = chosen[found], of_chosen[found]
    starts = np.searchsorted(of_shown, np.arange(len(classes.names)))
    return Shown(rows, np.arange(len(rows)) - starts[of_shown], vectors[found])


def _images(package: Store, manifest: dict[str, Any], table: pa.Table, rows: I64) -> list[U8 | None]:
    """Return the examples reduced to a cell, where they are."""
    wanted = places(table, rows)
    at = {place: number for number, place in enumerate(wanted)}
    images: list[U8 | None] = [None] * len(wanted)
    for place, png in each_example(package, manifest["files"], wanted):
        if png is not None:
            images[at[place]] = fitted(decode(png))
    return images


def _write(out: Path, number: int, full: pa.Table, images: list[Any], facts: dict[str, Any]) -> None:
    made = sheet(images)
    name = file_name(number)
    (out / "sheets" / f"{name}.jpg").write_bytes(made.jpeg)
    (out / "covers" / f"{name}.jpg").write_bytes(cover(images))
    page = {
        **facts,
        "columns": full.column_names,
        "rows": [[plain(value) for value in row.values()] for row in full.to_pylist()],
        "sheet": {"size": made.size, "cells": made.cells},
    }
    write_script(out / "data" / f"{name}.js", name, page)
