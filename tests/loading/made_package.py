"""A small, valid package of made-up images, always the same.

For tests and benchmarks: the same bytes for the same arguments.

The layout is that of a built package: ``data/<category>/<split>-…`` (Arrow IPC stream or Parquet, schema EXAMPLES),
the metadata tables, ``classes.json``, ``manifest.json`` and a card whose YAML names configs and features. A class is a
wavelength of stripes, so that a model can learn it from the pixels alone, however they are turned.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from PIL import Image

from builder.schema import CATEGORIES, EXAMPLES, METADATA, SPLITS
from cytoimagenet_reader.columns import columns_of
from cytoimagenet_reader.layout import FULL, metadata_path, patterns_of, shard_name, shard_path, shards_of

CLASSES: dict[str, tuple[str, ...]] = {
    "organism": ("human", "mouse"),
    "phenotype": ("elongated cell", "mitotic -- arrest", "rounded cell"),
    "compound": ("dmso", "nocodazole", "taxol", "with, comma"),
}

SOURCES: tuple[dict[str, str], ...] = (
    {"dir_name": "bbbc005", "name": "Synthetic cells", "database": "BBBC", "license": "CC0-1.0"},
    {"dir_name": "rec_rxrx1", "name": "RxRx1", "database": "Recursion", "license": "CC-BY-NC-SA-4.0"},
    {"dir_name": "idr0080", "name": "Perturbation", "database": "IDR", "license": "CC-BY-4.0"},
)


def pillow_png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Return an image (uint8, (H, W)) as PNG by Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def striped(number: int, classes: int, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return noisy stripes (uint8, (H, W)) of class ``number``.

    Each class has its own wavelength; angle and phase are random.
    """
    y, x = np.mgrid[: shape[0], : shape[1]]
    wave = 2 * np.pi / (3 * 6 ** (number / max(classes - 1, 1)))  # 3 to 18 pixels
    angle, phase = rng.uniform(0, 2 * np.pi, 2)
    stripes = 127 + 90 * np.sin(wave * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    noisy: np.ndarray[Any, Any] = np.clip(stripes + rng.normal(0, 12, shape), 0, 255).astype(np.uint8)
    return noisy


def make_package(
    folder: Path,
    *,
    classes: Mapping[str, tuple[str, ...]] = CLASSES,
    per_class: Mapping[str, int] = {"train": 24, "validation": 6},
    shards: Mapping[str, int] = {"train": 3, "validation": 1},
    batch_rows: int = 7,
    side: int = 40,
    encode: Callable[[np.ndarray[Any, Any]], bytes] = pillow_png,
    seed: int = 0,
    file_format: str = "arrow",
    old: bool = False,
) -> Path:
    """Write a package into ``folder`` and return its path.

    The manifest of an ``old`` one says neither where the shards' record batches are nor what their pixels are like.
    """
    write = {"arrow": write_stream, "parquet": write_parquet}[file_format]
    numbers = sorted({name for of_category in classes.values() for name in of_category})
    rng = np.random.default_rng(seed)
    every = [name for category in CATEGORIES for name in classes.get(category, ())]
    files: dict[str, dict[str, Any]] = {}
    browse = []
    pixels: dict[str, list[np.ndarray[Any, Any]]] = {}  # of the training images, by config
    for split in SPLITS:
        parts: dict[str, pa.Table] = {}
        for category in CATEGORIES:
            names = [name for name in classes.get(category, ()) for _ in range(per_class[split])]
            if not names:
                continue
            shown: list[np.ndarray[Any, Any]] = []

            def kept(image: np.ndarray[Any, Any], shown: list[np.ndarray[Any, Any]] = shown) -> bytes:
                shown.append(image)
                return encode(image)

            rows = [_row(category, names[i], i, split, every, side, kept, rng) for i in rng.permutation(len(names))]
            table = pa.Table.from_pylist(rows, schema=EXAMPLES)
            if split == SPLITS[0]:
                pixels[category] = shown
            bounds = np.linspace(0, len(rows), shards[split] + 1).astype(int)
            for n, (start, stop) in enumerate(itertools.pairwise(bounds)):
                path = shard_path(shard_name(category, split, n, shards[split]), file_format)
                part = table.slice(start, stop - start)
                write(folder / path, numbered(part, numbers) if file_format == "parquet" else part, batch_rows)
                parts[path] = part
                browse.append(_with_places(part, split, path))
                files[path] = {"rows": int(stop - start), "config": category, "split": split}
                files[path] |= {} if old else batch_facts((folder / path).read_bytes(), file_format)
        in_order = [parts[path] for path in shards_of(parts, FULL, split)]
        metadata = pa.concat_tables(in_order).select(METADATA.names).cast(METADATA)
        write(folder / f"metadata/{split}.{file_format}", metadata, batch_rows)
        files[f"metadata/{split}.{file_format}"] = {"rows": len(metadata), "config": "metadata", "split": split}
    pq.write_table(pa.concat_tables(browse), folder / "metadata.parquet")
    write_facts(folder, classes, per_class, files, file_format, batch_rows, {} if old else intensity(pixels))
    return folder


def intensity(pixels: Mapping[str, list[np.ndarray[Any, Any]]]) -> dict[str, dict[str, float]]:
    """Return each config's pixel mean and deviation, averaged by image."""
    found = {}
    for config in ("full", *pixels):
        images = [image / 255 for name, some in pixels.items() if config in ("full", name) for image in some]
        mean = np.mean([image.mean() for image in images])
        variance = np.mean([((image - mean) ** 2).mean() for image in images])
        found[config] = {"mean": round(float(mean), 6), "std": round(float(variance**0.5), 6)}
    return found


_UNSTATED = {
    **dict.fromkeys(("accession", "url", "license_name", "license_url", "citation"), ""),
    "derivatives": None,
    "simulated": True,
    "images": 0,
}


def write_stream(path: Path, table: pa.Table, batch_rows: int) -> None:
    """Write an Arrow IPC stream of ``batch_rows`` rows per batch."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=batch_rows)


def batch_facts(content: bytes, file_format: str) -> dict[str, Any]:
    """Return a shard's record batches or row groups, by pyarrow."""
    if file_format == "parquet":
        metadata = pq.read_metadata(io.BytesIO(content))
        groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
        begins = [min(_bounds(group.column(n))[0] for n in range(group.num_columns)) for group in groups]
        end = max(_bounds(groups[-1].column(n))[1] for n in range(groups[-1].num_columns))
        return {"batch_rows": [group.num_rows for group in groups], "batch_offsets": begins, "footer_offset": end}
    with pa.BufferReader(content) as file, pa.ipc.open_stream(file) as reader:
        places, counts = [file.tell()], []
        for batch in reader:
            counts.append(len(batch))
            places.append(file.tell())
    return {"batch_rows": counts, "batch_offsets": places[:-1]}


def _bounds(chunk: pq.ColumnChunkMetaData) -> tuple[int, int]:
    begin = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    return begin, begin + chunk.total_compressed_size


def numbered(table: pa.Table, names: list[str]) -> pa.Table:
    """Return a table with class numbers, whose schema names them."""
    ids = pa.array([names.index(label) for label in table["label"].to_pylist()], pa.int64())
    place = table.schema.get_field_index("label")
    features = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}, "image": {"_type": "Image"}}}}
    return table.set_column(place, "label", ids).replace_schema_metadata({"huggingface": json.dumps(features)})


def write_parquet(path: Path, table: pa.Table, batch_rows: int) -> None:
    """Write Parquet with row groups of at most ``batch_rows`` rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {"image.bytes": "none", **dict.fromkeys(["image.path", *table.column_names[1:]], "zstd")}
    texts = [name for name in plain if name != "image.bytes"]
    options = {"compression": plain, "use_dictionary": texts, "data_page_size": 64 << 20, "write_page_index": True}
    pq.write_table(table, path, row_group_size=batch_rows, **options)


def _with_places(part: pa.Table, split: str, path: str) -> pa.Table:
    """Return a shard's rows without images, with split, shard, position."""
    columns = {
        "split": pa.array([split] * len(part), pa.string()),
        "shard": pa.array([path.rpartition(".")[0]] * len(part), pa.string()),
        "position": pa.array(range(len(part)), pa.int64()),
    }
    table = part.select(METADATA.names).cast(METADATA)
    for name, values in columns.items():
        table = table.append_column(name, values)
    return table


def write_facts(
    folder: Path,
    classes: Mapping[str, tuple[str, ...]],
    per_class: Mapping[str, int],
    files: dict[str, dict[str, Any]],
    file_format: str,
    batch_rows: int,
    intensity: Mapping[str, Mapping[str, float]],
) -> None:
    """Write the folder's classes.json, card and manifest."""
    configs = {"full": sorted(name for names in classes.values() for name in names)}
    configs |= {category: sorted(classes[category]) for category in CATEGORIES if category in classes}
    counts = {
        config: {"names": names, "counts": {split: dict.fromkeys(names, per_class[split]) for split in SPLITS}}
        for config, names in configs.items()
    }
    (folder / "classes.json").write_text(json.dumps(counts, indent=1), "utf-8")
    (folder / "README.md").write_text(_card(configs, files, file_format), "utf-8")
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json"):
        facts = files.setdefault(path.relative_to(folder).as_posix(), {})
        data = path.read_bytes()
        facts |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    images = sum(facts["rows"] for name, facts in files.items() if name.startswith("data/"))
    manifest = {
        "package": "cytoimagenet",
        "format": file_format,
        "version": "0.1.0",
        **({"intensity": intensity, "columns": columns_of(EXAMPLES)} if intensity else {}),
        "recipe": {"batch_rows": batch_rows},
        "versions": {"pyarrow": pa.__version__},
        "simulated": True,
        "images": images,
        "classes": len(configs["full"]),
        "sources": [{**_UNSTATED, **source, "commercial_use": "NC" not in source["license"]} for source in SOURCES],
        "report": {},
        "files": files,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")


def _row(
    category: str,
    label: str,
    number: int,
    split: str,
    every: list[str],
    side: int,
    encode: Callable[[np.ndarray[Any, Any]], bytes],
    rng: np.random.Generator,
) -> dict[str, Any]:
    source = SOURCES[number % len(SOURCES)]
    crop = bool(number % 2)
    shape = (side, side + 3 * (number % 4))
    pixels = striped(every.index(label), len(every), shape, rng)
    folder = label.replace(" -- ", "-").replace(", ", "_").replace(" ", "_")
    filename = f"{folder}-{number:011b}.png" if split == SPLITS[0] else f"{folder}-1{number:010b}.png"
    row: dict[str, Any] = dict.fromkeys(EXAMPLES.names)
    row |= {key: source[key] for key in ("dir_name", "database", "name", "license")}
    row |= {"organism": "human", "microscopy": ("fluorescence", "brightfield", None)[number % 3], category: label}
    row |= {"image": {"bytes": encode(pixels), "path": filename}, "label": label, "category": category}
    row |= {"path": f"cytoimagenet/{folder}", "filename": filename, "idx": f"{source['dir_name']}-{split}-{number}"}
    row |= {"crop": crop, "scaling": 0.5 if crop else 1.0, "group": f"{split}-{number // 4}", "channels": "nucleus"}
    row |= {"z": (None, 0, 1, 2)[number % 4], "pixel_size_um": (None, 0.2, 0.325, 0.65, 1.3)[number % 5]}
    if crop:
        row |= {"x_min": 0, "x_max": shape[1], "y_min": 0, "y_max": shape[0]}
    return row


def _card(configs: Mapping[str, list[str]], files: Mapping[str, Any], file_format: str) -> str:
    """Return a card that states each config's files and features."""
    yaml_configs: list[dict[str, Any]] = []
    infos = []
    for config in (*configs, "metadata"):
        paths = {split: patterns_of(files, config, split) for split in SPLITS}
        if config == "metadata":
            paths = {split: [metadata_path(split, file_format)] for split in SPLITS}
        yaml_configs.append(
            {
                "config_name": config,
                "data_files": [{"split": split, "path": paths[split]} for split in SPLITS],
                **({"default": True} if config == "full" else {}),
            }
        )
        names = (
            configs["full" if config in configs and file_format == "parquet" else config] if config in configs else None
        )
        infos.append({"config_name": config, "features": _features(names)})
    head = yaml.safe_dump({"configs": yaml_configs, "dataset_info": infos}, sort_keys=False)
    return f"---\n{head}---\n# made up\n"


def _features(names: list[str] | None) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for field in EXAMPLES if names else METADATA:
        if field.name == "image":
            out.append({"name": "image", "dtype": "image"})
        elif field.name == "label" and names:
            classes = {"names": {str(i): name for i, name in enumerate(names)}}
            out.append({"name": "label", "dtype": {"class_label": classes}})
        else:
            out.append({"name": field.name, "dtype": str(field.type).replace("double", "float64")})
    return out
