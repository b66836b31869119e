"""The card's figures of what a build contains and dropped."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from builder.engine.store import Store
from builder.package.charts import Bar, Panel, bar_chart
from builder.package.contact_sheet import Thumbnail, contact_sheet
from builder.package.data_files import data_batches
from builder.package.manifest import ClassIndex, file_facts
from builder.schema import REASONS, SPLITS
from cytoimagenet_reader import layout

COLUMNS: Final = 8
_SEARCHED_ROWS: Final = 600  # of a category's first shard, for thumbnails of different classes
_WHOLE: Final = 1.0


def write_figures(
    package: Store,
    selection: pa.Table,
    rejects: pa.Table,
    index: ClassIndex,
    files: Iterable[str],
    simulated: bool,
) -> dict[str, dict[str, Any]]:
    """Write the figures; return their facts for the manifest.

    They are ``figures/*.svg``, and ``classes.png`` with thumbnails.
    """
    mark = " (simulated)" if simulated else ""
    categories = [config for config in index if config != layout.FULL]
    sheet = [(category + mark, list(samples(package, list(files), category))) for category in categories]
    figures = {
        "classes.png": contact_sheet(sheet),
        "composition.svg": bar_chart([_counted(selection, "category"), _counted(selection, "database")]),
        "images_per_class.svg": bar_chart([_class_sizes(index)]),
        "crops.svg": bar_chart([_scalings(selection)]),
        "split.svg": bar_chart([_shares(index)]),
    }
    if rejects.num_rows:
        figures["rejects.svg"] = bar_chart([_reasons(rejects)])
    facts = {}
    for name, content in figures.items():
        path = f"{layout.FIGURES}{name}"
        package.write_bytes(path, content)
        facts[path] = file_facts(content)
    for path in (
        set(package.list(layout.FIGURES.rstrip("/"))) - facts.keys()
    ):  # of an earlier build that had more to show
        package.delete(path)
    return facts


def samples(package: Store, files: list[str], category: str, count: int = COLUMNS) -> Iterator[Thumbnail]:
    """Yield thumbnails of a category, of many classes.

    They come from the first rows of its first shard. Of fewer classes than thumbnails several are shown of each, side
    by side.
    """
    split = layout.splits_of(files, category)[0]
    found: dict[str, list[bytes]] = {}
    for row in first_rows(package, layout.shards_of(files, category, split)[0], _SEARCHED_ROWS):
        of_class = found.setdefault(row["label"], [])
        if len(of_class) < count:
            of_class.append(row["image"]["bytes"])
        if len(found) == count:
            break
    for number, (label, pngs) in enumerate(found.items()):
        each = count // len(found) + (number < count % len(found))
        for png in pngs[:each]:
            yield Thumbnail(Image.open(io.BytesIO(png)), label)


def first_rows(package: Store, path: str, rows: int) -> Iterator[Mapping[str, Any]]:
    """Yield image and label of a shard's first rows.

    No more batches are read than are asked for.
    """
    left = rows
    with package.open(path) as file:
        for batch in data_batches(file, path, ["image", "label"], 100):
            yield from batch.select(["image", "label"]).slice(0, left).to_pylist()
            left -= batch.num_rows
            if left <= 0:
                return


def _counted(table: pa.Table, column: str) -> Panel:
    pairs = [(row["values"], row["counts"]) for row in pc.value_counts(table[column]).to_pylist()]
    pairs.sort(key=lambda pair: (-pair[1], pair[0]))
    return Panel(f"Images by {column}", [Bar(name, count, f"{count:,}") for name, count in pairs])


def _class_sizes(index: ClassIndex) -> Panel:
    totals = np.array(list(class_totals(index).values()))
    edges = np.unique(np.linspace(totals.min(), totals.max() + 1, 11).astype(int))
    counts, _ = np.histogram(totals, edges)
    spans = [f"{a:,} to {b - 1:,}" if b - a > 1 else f"{a:,}" for a, b in itertools.pairwise(edges)]
    bars = [Bar(f"{span} images", int(n), f"{n:,}") for span, n in zip(spans, counts, strict=True)]
    return Panel("Classes by number of images", bars, "classes")


def class_totals(index: ClassIndex) -> dict[str, int]:
    """Return class -> images in all splits."""
    entry = index[layout.FULL]
    return {name: sum(counts[name] for counts in entry["counts"].values()) for name in entry["names"]}


def _scalings(selection: pa.Table) -> Panel:
    pairs = [(row["values"], row["counts"]) for row in pc.value_counts(selection["scaling"]).to_pylist()]
    pairs.sort(reverse=True)
    names = [("whole image" if scale == _WHOLE else f"crop, 1/{1 / scale:g} of the side") for scale, _ in pairs]
    bars = [Bar(name, count, f"{count:,}") for name, (_, count) in zip(names, pairs, strict=True)]
    return Panel("Images by scale", bars)


def _shares(index: ClassIndex) -> Panel:
    """Count classes by their share of validation images."""
    counts = index[layout.FULL]["counts"].get(SPLITS[1], {})
    shares = np.array([counts.get(name, 0) / total for name, total in class_totals(index).items()])
    edges = [0, 1e-9, 0.05, 0.08, 0.095, 0.105, 0.12, 0.15, 0.25, 0.5, 1.01]
    names = ["none", "up to 5 %", "5 to 8 %", "8 to 9.5 %", "9.5 to 10.5 %", "10.5 to 12 %", "12 to 15 %"]
    names += ["15 to 25 %", "25 to 50 %", "50 % or more"]
    found, _ = np.histogram(shares, edges)
    bars = [Bar(name, int(n), f"{n:,}") for name, n in zip(names, found, strict=True)]
    return Panel("Classes by the share of their images that is validation", bars, "classes")


def _reasons(rejects: pa.Table) -> Panel:
    counts = {row["values"]: row["counts"] for row in pc.value_counts(rejects["reason"]).to_pylist()}
    known = [(reason, counts[reason]) for reason in REASONS if reason in counts]
    known.sort(key=lambda pair: -pair[1])
    return Panel(
        "Dropped images and crops by reason", [Bar(reason, n, f"{n:,}") for reason, n in known], "images and crops"
    )
