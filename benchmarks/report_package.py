"""A made-up package of many classes, written without a build.

For ``benchmarks.report``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.store import Store
from builder.package.features import shard_schema
from builder.package.finish import finish_package
from builder.recipe import Recipe
from builder.schema import CATEGORIES, EXAMPLES, FINGERPRINTS, METADATA, REJECTS, SELECTION
from builder.sources.base import Source
from builder.sources.common import licenses
from cytoimagenet_reader.png.encoder import encode

_SHARES = {"organism": 2, "cell_type": 6, "cell_visible": 2, "phenotype": 10, "compound": 40, "gene": 25, "sirna": 15}
_SOURCES = 40
_SHARD_ROWS = 5_000
_KINDS = 16  # different examples of a class
_SIDE = 64
_SCALES = np.array([1.0, 0.5, 0.25, 0.125])


class Held(NamedTuple):
    """A selection in memory."""

    table: pa.Table

    @property
    def extras(self) -> list[pa.Field]:
        return []

    def columns(self, *names: str) -> pa.Table:
        return self.table.select(list(names))

    def rows(self, shards: Iterable[str], names: Sequence[str]) -> Iterator[pa.Table]:
        for shard in shards:
            yield self.table.filter(pc.equal(self.table["shard"], shard)).select(list(names))


def write_package(folder: Path, examples: int, classes: int) -> None:
    """Write a package of so many examples.

    Their pixels are smooth noise; how coarse it is depends on the class.
    """
    package = Store(str(folder))
    rng = np.random.default_rng(0)
    selection = _selection(rng, examples, classes)
    pool = pa.array([encode(_pixels(rng, number)) for number in range(classes) for _ in range(_KINDS)], pa.binary())
    names = sorted(pc.unique(selection["label"]).to_pylist())
    schema = shard_schema("arrow", names)
    facts: dict[str, dict[str, Any]] = {}
    for shard in sorted(pc.unique(selection["shard"]).to_pylist()):
        rows = selection.filter(pc.equal(selection["shard"], shard))
        images = pool.take(rows["row"])
        struct = pa.StructArray.from_arrays(
            [pa.concat_arrays(images.chunks), rows["filename"].combine_chunks()], names=["bytes", "path"]
        )
        columns = [struct, *(rows[name].combine_chunks() for name in METADATA.names)]
        path = f"{shard}.arrow"
        with package.writing(path) as file, pa.ipc.new_stream(file, schema) as writer:
            writer.write_table(pa.Table.from_arrays(columns, schema=EXAMPLES).cast(schema), max_chunksize=100)
        digest, size = package.sha256(path), package.size(path)
        facts[path] = {"rows": rows.num_rows, "bytes": size, "sha256": digest}
    finish_package(
        package,
        Held(selection),
        _rejects(rng, examples),
        Recipe(),
        _sources(),
        facts,
        {},
        "arrow",
        _fingerprints(rng, selection),
    )


def _pixels(rng: np.random.Generator, number: int) -> np.ndarray[Any, Any]:
    step = 2 ** (1 + number % 4)
    coarse = rng.integers(0, 256, (_SIDE // step + 1, _SIDE // step + 1)).astype(np.float64)
    fine = coarse.repeat(step, axis=0).repeat(step, axis=1)[:_SIDE, :_SIDE]
    return np.clip(fine * (0.4 + 0.6 * (number % 7) / 6), 0, 255).astype(np.uint8)


def _selection(rng: np.random.Generator, examples: int, classes: int) -> pa.Table:
    weights = np.array([_SHARES[name] for name in CATEGORIES])
    category = np.sort(np.searchsorted(np.cumsum(weights) / weights.sum(), (np.arange(classes) + 0.5) / classes))
    label = rng.permutation(np.arange(examples) % classes)
    split = (rng.random(examples) < 0.1).astype(np.int64)
    side = category[label] * 2 + split
    order = np.argsort(side, kind="stable")
    sizes = np.bincount(side, minlength=2 * len(CATEGORIES))
    place = np.arange(examples) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    totals = np.maximum(1, -(-sizes // _SHARD_ROWS))[side[order]]
    number, position = place % totals, place // totals
    final = np.lexsort((position, number, side[order]))
    order, number, position, totals = order[final], number[final], position[final], totals[final]
    label, split = label[order], split[order]
    source = (label * 7 + rng.integers(0, 3, examples)) % _SOURCES
    image = rng.integers(0, max(1, examples // 3), examples) * 2 + split  # an image stays on one side
    scale = rng.integers(0, len(_SCALES), examples)
    columns = _columns(rng, label, category, split, source, image, scale)
    folders = [f"data/{CATEGORIES[code]}/{('train', 'validation')[part]}" for code in range(7) for part in range(2)]
    keys = np.stack([category[label] * 2 + split, number, totals], axis=1)
    unique, inverse = np.unique(keys, axis=0, return_inverse=True)
    shards = [f"{folders[a]}-{b:05d}-of-{c:05d}" for a, b, c in unique.tolist()]
    columns["shard"] = pa.array(shards).take(pa.array(inverse.ravel()))
    columns["position"] = pa.array(position)
    nothing = {field.name: pa.nulls(examples, field.type) for field in SELECTION if field.name not in columns}
    return pa.table({**nothing, **columns}).select(SELECTION.names).cast(SELECTION)


def _columns(
    rng: np.random.Generator, label: Any, category: Any, split: Any, source: Any, image: Any, scale: Any
) -> dict[str, Any]:
    count, classes = len(label), int(label.max()) + 1
    names = pa.array([f"{CATEGORIES[category[number]]} {number:04d}" for number in range(classes)])
    labels = names.take(pa.array(label))
    dir_names = pa.array([f"made{number:02d}" for number in range(_SOURCES)]).take(pa.array(source))
    texts = pc.cast(pa.array(image), pa.string())
    rows = pc.cast(pa.array(np.arange(count)), pa.string())
    hashes = pa.py_buffer(rng.bytes(32 * count))
    crop = scale > 0
    side = np.where(crop, (520 * _SCALES[scale]).astype(int), 0)
    whole = pa.nulls(count, pa.int32())
    window = {
        name: pc.if_else(pa.array(crop), pa.array(values.astype(np.int32)), whole)
        for name, values in (("x_min", side * 0), ("x_max", side), ("y_min", side * 0), ("y_max", side))
    }
    sha256 = pc.binary_join_element_wise(pa.scalar("0" * 52), pc.utf8_lpad(texts, 12, "0"), "")
    annotations = {
        name: pc.if_else(pc.equal(pa.array(category[label]), code), labels, pa.scalar(None, pa.string()))
        for code, name in enumerate(CATEGORIES)
    }
    return {
        **annotations,
        **window,
        "label": labels,
        "category": pa.array(CATEGORIES).take(pa.array(category[label])),
        "database": pa.array([f"base {number % 6}" for number in range(_SOURCES)]).take(pa.array(source)),
        "name": dir_names,
        "dir_name": dir_names,
        "path": labels,
        "filename": pc.binary_join_element_wise(rows, ".png", ""),
        "idx": pc.binary_join_element_wise(dir_names, texts, "-"),
        "microscopy": pa.array(["fluorescence", "brightfield"]).take(pa.array(source % 2)),
        "crop": pa.array(crop),
        "scaling": pa.array(_SCALES[scale]),
        "contrast": pa.array(rng.beta(2, 2, count)),
        "license": pa.array([licenses.CC0.id, licenses.CC_BY_4.id]).take(pa.array(source % 2)),
        "group": pc.binary_join_element_wise(dir_names, texts, ":"),
        "batch": pc.binary_join_element_wise(dir_names, pc.cast(pa.array(image % 50), pa.string()), ":"),
        "sha256": sha256,
        "split": pa.array(["train", "validation"]).take(pa.array(split)),
        "part": dir_names,
        "row": pa.array((label * _KINDS + rng.integers(0, _KINDS, count)).astype(np.int32)),
        "candidate": pa.array((scale - 1).astype(np.int8)),
        "height": pa.array(np.full(count, _SIDE, np.int32)),
        "width": pa.array(np.full(count, _SIDE, np.int32)),
        "mean": pa.array(rng.uniform(5, 200, count)),
        "p75": pa.array(rng.uniform(5, 250, count)),
        "distinct": pa.array(rng.integers(3, 256, count).astype(np.int32)),
        "sharpness": pa.array(rng.lognormal(-4, 1, count)),
        "pixels_sha256": pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), count, [None, hashes]),
        "phash": pa.array(rng.integers(0, 1 << 63, count, dtype=np.uint64)),
        "bytes": pa.array(np.full(count, 1000, np.int32)),
    }


def _sources() -> list[Source]:
    """Return the sources' facts, which say they are simulated."""
    return [
        Source(
            dir_name=f"made{number:02d}",
            database=f"base {number % 6}",
            name=f"Made-up set {number}",
            accession=f"M{number}",
            url="https://example.org",
            downloads=(),
            license=(licenses.CC0, licenses.CC_BY_4)[number % 2],
            citation="nobody",
            formats=(),
            images=lambda folder: iter(()),
            simulated=True,
        )
        for number in range(_SOURCES)
    ]


def _rejects(rng: np.random.Generator, examples: int) -> pa.Table:
    count = examples // 10
    reasons = pa.array(["crop_blank", "crop_dim", "over_class_size", "duplicate"])
    columns = {
        "idx": pc.binary_join_element_wise("made00", pc.cast(pa.array(np.arange(count)), pa.string()), "-"),
        "dir_name": pa.array(["made00"] * count),
        "stage": pa.array(["standardize"] * count),
        "reason": reasons.take(pa.array(rng.integers(0, 4, count))),
    }
    nothing = {field.name: pa.nulls(count, field.type) for field in REJECTS if field.name not in columns}
    return pa.table({**nothing, **columns}).select(REJECTS.names).cast(REJECTS)


def _fingerprints(rng: np.random.Generator, selection: pa.Table) -> Iterator[pa.Table]:
    """Yield thumbnails of smooth noise: no two images look alike."""
    names = pc.unique(selection["sha256"])
    names = names.take(pc.sort_indices(names))
    for start in range(0, len(names), 50_000):
        some = names.slice(start, 50_000)
        values = np.clip(rng.normal(0, 24, (len(some), 8, 8)), -127, 127).astype(np.int8)
        whole = np.ascontiguousarray(values.repeat(2, axis=1).repeat(2, axis=2))
        column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(256), len(some), [None, pa.py_buffer(whole)])
        yield pa.table([some, column], schema=FINGERPRINTS)
