"""A tiny finished package of made-up examples.

Its data shards are written here, all else by ``finish_package``.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from builder.engine.store import Store
from builder.package.finish import finish_package
from builder.pixels.thumbnail import thumbnail
from builder.recipe import Recipe
from builder.schema import CATEGORIES, EXAMPLES, FINGERPRINTS, IMAGE_TYPE, METADATA, REJECTS, SELECTION, extra_fields
from builder.sources.base import License, Source
from builder.sources.common import licenses
from cytoimagenet_reader.layout import shard_name, shard_path
from tests.loading.made_package import batch_facts, numbered

CLASSES: Mapping[str, tuple[str, ...]] = {
    "organism": ("human", "yes", "yeast"),  # "yes": YAML must not turn it into a truth value
    "compound": ("0", "dmso, 'x' -- <b>", "β-estradiol"),
    "gene": ("tp53 targeted",),
}
RECIPE = Recipe.of({"min_images": 2, "min_class_size": 2, "class_size": 50, "batch_rows": 4})


def source(dir_name: str, licence: License, simulated: bool = False) -> Source:
    """Made-up facts of a source."""
    return Source(
        dir_name=dir_name,
        database="BBBC",
        name=f"Made-up set {dir_name}",
        accession=dir_name.upper(),
        url=f"https://example.org/{dir_name}",
        downloads=(),
        license=licence,
        citation=f"Nobody et al., Journal of Made-up Data 2021, {dir_name}",
        formats=(),
        images=lambda folder: iter(()),
        simulated=simulated,
    )


SOURCES = (source("bbbc900", licenses.CC0), source("bbbc901", licenses.CC_BY_4))


class Held(NamedTuple):
    """A selection in memory."""

    table: pa.Table

    def columns(self, *names: str) -> pa.Table:
        return self.table.select(list(names))

    @property
    def extras(self) -> list[pa.Field]:
        return extra_fields(self.table.schema)

    def rows(self, shards: Iterable[str], names: Sequence[str]) -> Iterator[pa.Table]:
        for shard in shards:
            yield self.table.filter(pc.equal(self.table["shard"], shard)).select(list(names))


Draw = Callable[[np.random.Generator, str, int, int], "np.ndarray[Any, Any]"]
"""Returns the pixels of an example, given split, number within split and class, and side."""


def noise(rng: np.random.Generator, split: str, n: int, side: int) -> np.ndarray[Any, Any]:
    """Return noise of about this side."""
    return rng.integers(0, 256, (side, side + n % 3), dtype=np.uint8)


def make_package(
    folder: Path,
    *,
    seed: int = 0,
    classes: Mapping[str, tuple[str, ...]] = CLASSES,
    per_class: int = 10,
    shards: int = 2,
    file_format: str = "arrow",
    side: int = 24,
    simulated: bool = False,
    recipe: Recipe = RECIPE,
    licence: License | None = None,
    draw: Draw = noise,
) -> dict[str, Any]:
    """Write a package into ``folder`` and return its manifest.

    A fifth of each class is validation.
    """
    package = Store(str(folder))
    rows = _rows(seed, classes, per_class, shards, side, draw)
    facts = {}
    for shard in sorted({row["shard"] for row in rows}):
        of_shard = [row for row in rows if row["shard"] == shard]
        facts |= _write_shard(package, shard, of_shard, file_format, recipe, sorted({row["label"] for row in rows}))
    columns = {name: [row[name] for row in rows] for name in SELECTION.names}
    selection = pa.table(columns, schema=SELECTION).sort_by([("shard", "ascending"), ("position", "ascending")])
    sources = [source(s.dir_name, licence or s.license, simulated) for s in SOURCES]
    rejects = pa.Table.from_pylist(
        [
            {"idx": "bbbc900-7", "dir_name": "bbbc900", "key": "a", "stage": "standardize", "reason": "dim"},
            {"idx": "bbbc901-8", "dir_name": "bbbc901", "stage": "select", "reason": "duplicate", "label": "human"},
        ],
        schema=REJECTS,
    )
    wholes = {row["sha256"]: row["thumbnail"] for row in rows}
    fingerprints = [pa.table([sorted(wholes), [wholes[name] for name in sorted(wholes)]], schema=FINGERPRINTS)]
    report = {"made_up": True}
    return finish_package(package, Held(selection), rejects, recipe, sources, facts, report, file_format, fingerprints)


def _rows(
    seed: int, classes: Mapping[str, tuple[str, ...]], per_class: int, shards: int, side: int, draw: Draw
) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    rows = []
    for category in CATEGORIES:
        for split, share in (("train", per_class - per_class // 5), ("validation", per_class // 5)):
            here = [
                _row(rng, category, label, split, n, side, draw)
                for label in classes.get(category, ())
                for n in range(share)
            ]
            total = min(shards, len(here)) if split == "train" else 1
            for place, position in enumerate(rng.permutation(len(here)).tolist()):
                row = here[position]
                row["shard"] = shard_name(category, split, place % total, total)
                row["position"] = place // total
            rows += here
    return rows


def _row(
    rng: np.random.Generator, category: str, label: str, split: str, n: int, side: int, draw: Draw
) -> dict[str, Any]:
    pixels = draw(rng, split, n, side)
    made_by = SOURCES[n % len(SOURCES)]
    number = int.from_bytes(hashlib.sha256(f"{category}/{label}/{split}/{n}".encode()).digest()[:7], "little")
    folder = "".join(letter if letter.isalnum() else "_" for letter in label)
    crop = n % 4 == 3
    row: dict[str, Any] = dict.fromkeys(SELECTION.names)
    row |= dict.fromkeys(CATEGORIES) | {category: label if n % 2 else f"{label}|something else"}
    return row | {
        "label": label,
        "category": category,
        "database": made_by.database,
        "name": made_by.name,
        "dir_name": made_by.dir_name,
        "path": f"cytoimagenet/{folder}",
        "filename": f"{folder}-{n + (0 if split == 'train' else 4096):013b}.png",
        "idx": f"{made_by.dir_name}-{number}",
        "microscopy": "fluorescence" if n % 2 else None,
        "crop": crop,
        "scaling": 0.5 if crop else 1.0,
        **({"x_min": 0, "x_max": 12, "y_min": 3, "y_max": 15} if crop else {}),
        "channels": "nucleus|actin",
        "license": made_by.license.id,
        "group": f"{category} {label} {split} {n // 2}",
        "sha256": whole_hash(pixels),
        "thumbnail": thumbnail(pixels).tobytes(),
        "split": split,
        "part": f"standardized/{made_by.dir_name}/part-00000",
        "row": n,
        "candidate": 0 if crop else -1,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "mean": float(pixels.mean()),
        "p75": float(np.percentile(pixels, 75)),
        "distinct": len(np.unique(pixels)),
        "sharpness": 1.0,
        "pixels_sha256": pixel_hash(pixels),
        "pixel_sum": int(pixels.astype(int).sum()),
        "pixel_square_sum": int((pixels.astype(int) ** 2).sum()),
        "phash": number % 2**63,
        "png": png(pixels),
        "bytes": len(png(pixels)),
    }


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Encode with Pillow."""
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "PNG")
    return sink.getvalue()


def pixel_hash(pixels: np.ndarray[Any, Any]) -> bytes:
    """Hash as builder.schema describes ``pixels_sha256``."""
    size = np.array(pixels.shape, "<u4").tobytes()
    return hashlib.sha256(size + pixels.tobytes()).digest()


def whole_hash(pixels: np.ndarray[Any, Any]) -> str:
    """Hash as builder.pixels.fingerprint describes ``sha256``."""
    views = [np.rot90(flipped, turns) for flipped in (pixels, pixels[::-1]) for turns in range(4)]
    rows, content, columns = min((view.shape[0], view.tobytes(), view.shape[1]) for view in views)
    return hashlib.sha256(np.array([rows, columns], "<u4").tobytes() + content).hexdigest()


def _write_shard(
    package: Store, shard: str, rows: list[dict[str, Any]], file_format: str, recipe: Recipe, classes: list[str]
) -> dict[str, Any]:
    rows = sorted(rows, key=lambda row: row["position"])
    images = pa.array([{"bytes": row["png"], "path": row["filename"]} for row in rows], IMAGE_TYPE)
    rest = [pa.array([row[field.name] for row in rows], field.type) for field in METADATA]
    table = pa.Table.from_arrays([images, *rest], schema=EXAMPLES)
    sink = io.BytesIO()
    if file_format == "parquet":
        pq.write_table(numbered(table, classes), sink, row_group_size=recipe.batch_rows)
    else:
        with pa.ipc.new_stream(sink, EXAMPLES) as writer:
            writer.write_table(table, max_chunksize=recipe.batch_rows)
    content = sink.getvalue()
    path = shard_path(shard, file_format)
    package.write_bytes(path, content)
    facts = {"rows": len(rows), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    pixels = [np.asarray(Image.open(io.BytesIO(row["png"]))) / 255 for row in rows]
    facts["intensity_mean"] = round(float(np.mean([one.mean() for one in pixels])), 12)
    facts["intensity_square"] = round(float(np.mean([(one**2).mean() for one in pixels])), 12)
    return {path: facts | batch_facts(content, file_format)}
