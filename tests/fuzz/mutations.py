"""Malformed packages for the fuzz.

One thing of a whole package is changed, and every hash made right again.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builder.package.manifest import sealed, version_of

Mutation = Callable[[Path, np.random.Generator], None]

_ODD = (
    None, True, -1, 0, 1 << 62, 1 << 70, 1.5, float("inf"), "", "x" * 5000, "\x1b[2J", "../../secret", "\udcff",
    [], {}, [[]], {"a": 1}, "NaN", "data/organism/train-00000-of-00000.arrow", "data/../../../secret",
)  # fmt: skip


def change_json(name: str) -> Mutation:
    """Return a mutation of a JSON value, key or byte."""

    def mutate(package: Path, rng: np.random.Generator) -> None:
        path = package / name
        if rng.random() < 0.15:
            path.write_bytes(_noise(path.read_bytes(), rng))
            return
        document = json.loads(path.read_bytes())
        for _ in range(int(rng.integers(1, 4))):
            _change(document, rng)
        text = json.dumps(document)
        path.write_text("[" * 5000 + text if rng.random() < 0.02 else text, "utf-8", errors="surrogatepass")

    return mutate


def _change(document: Any, rng: np.random.Generator) -> None:
    """Replace, remove or rename something anywhere in a JSON value."""
    place = document
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[int(rng.integers(len(keys)))]
        if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.75:
            place = place[key]
            continue
        what = rng.integers(4)
        if what == 0:
            del place[key]
        elif what == 1 and isinstance(place, dict):
            odd = _ODD[int(rng.integers(len(_ODD)))]
            place[odd if isinstance(odd, str) else repr(odd)] = place.pop(key)
        else:
            place[key] = _ODD[int(rng.integers(len(_ODD)))]
        return


def change_shard(package: Path, rng: np.random.Generator) -> None:
    """Change offsets, headers or any bytes of an Arrow file."""
    path = _any_of(sorted(package.glob("data/*/*.arrow")) + sorted(package.glob("metadata/*.arrow")), rng)
    content = bytearray(path.read_bytes())
    what = rng.integers(5)
    if what == 0:
        _change_offset(content, rng)
    elif what == 1:
        _change_header(content, rng)
    elif what == 2:
        del content[int(rng.integers(len(content))) :]
    elif what == 3:
        _compress(path)
        return
    else:
        content = bytearray(_noise(bytes(content), rng))
    path.write_bytes(content)


def _change_offset(content: bytearray, rng: np.random.Generator) -> None:
    """Change one offset of a column, found by its bytes."""
    with pa.ipc.open_stream(bytes(content)) as reader:
        batches = list(reader)
    batch = batches[int(rng.integers(len(batches)))]
    columns = [c for c in batch.columns if pa.types.is_string(c.type)]
    images = [batch.column("image").field("bytes")] if "image" in batch.schema.names else []
    column = (columns + images * 3)[int(rng.integers(len(columns) + 3 * len(images)))]
    offsets = column.buffers()[1]
    if offsets is None or offsets.size < 8:
        return
    at = bytes(content).find(offsets.to_pybytes())
    if at >= 0:
        number = int(rng.integers(offsets.size // 4))
        odd = [-1, -(1 << 31), (1 << 31) - 1, 1 << 20, int(rng.integers(-1000, 1000))]
        struct.pack_into("<i", content, at + 4 * number, odd[int(rng.integers(len(odd)))])


def _change_header(content: bytearray, rng: np.random.Generator) -> None:
    """Change bytes of the headers of messages."""
    starts = [n for n in range(0, len(content) - 8, 8) if content[n : n + 4] == b"\xff\xff\xff\xff"]
    start = starts[int(rng.integers(len(starts)))]
    for _ in range(int(rng.integers(1, 5))):
        at = start + int(rng.integers(4, 400))
        if at < len(content):
            content[at] = int(rng.choice([0, 1, 2, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))


def _compress(path: Path) -> None:
    """Compress a stream's buffers, one of them to a thousandth."""
    with pa.ipc.open_stream(path.read_bytes()) as reader:
        table = reader.read_all()
    if "image" in table.column_names:
        zeros = pa.array([{"bytes": bytes(20_000_000), "path": "x"}] * len(table), table.schema.field("image").type)
        table = table.set_column(0, table.schema.field("image"), zeros)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)


def change_png(package: Path, rng: np.random.Generator) -> None:
    """Change an image's bytes, header or inflated size."""
    path = _any_of(sorted(package.glob("data/*/*.arrow")), rng)
    with pa.ipc.open_stream(path.read_bytes()) as reader:
        schema, rows = reader.schema, reader.read_all().to_pylist()
    row = rows[int(rng.integers(len(rows)))]
    data = bytes(row["image"]["bytes"])
    what = rng.integers(6)
    if what == 0:
        data = _noise(data, rng)
    elif what == 1:
        data = data[: int(rng.integers(len(data)))]
    elif what == 2:
        data = png_of(8, 8, zlib.compress(bytes(40_000_000), 9))
    elif what == 3:
        width, height = (int(n) for n in rng.choice([0, 1, 8, 70_000, (1 << 31) - 1, 1 << 15], 2))
        data = png_of(width, height, zlib.compress(bytes(1000)))
    elif what == 4:
        filters = bytes([int(rng.integers(256)), *bytes(8)]) * 8
        data = png_of(8, 8, zlib.compress(filters))
    row["image"]["bytes"] = None if what == 5 else data
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema), max_chunksize=4)


def change_table(package: Path, rng: np.random.Generator) -> None:
    """Change a Parquet table's value, column or bytes."""
    path = package / ["metadata.parquet", "rejects.parquet"][int(rng.integers(2))]
    if rng.random() < 0.4:
        path.write_bytes(_noise(path.read_bytes(), rng))
        return
    table = pq.read_table(path)
    place = int(rng.integers(table.num_columns))
    field = table.schema.field(place)
    values = table[field.name].to_pylist()
    if not values:
        path.write_bytes(_noise(path.read_bytes(), rng))
        return
    values[int(rng.integers(len(values)))] = None
    odd = pa.array(values, field.type) if rng.random() < 0.5 else pa.array([str(v) for v in values])
    pq.write_table(table.set_column(place, field.name, odd), path)


def climb(package: Path, rng: np.random.Generator) -> None:
    """Let the manifest, or a link, lead outside.

    It leads to a pipe that nobody writes to: who opens it hangs.
    """
    shard = _any_of(sorted(package.glob("data/*/*.arrow")), rng)
    if rng.random() < 0.3:
        shard.unlink()
        shard.symlink_to(package.parent / "secret.arrow")
        return
    path = package / "manifest.json"
    document = json.loads(path.read_bytes())
    name = shard.relative_to(package).as_posix()
    ways = ["data/organism/../../../secret.arrow", "../secret.arrow", str(package.parent / "secret.arrow"), "./" + name]
    document["files"][ways[int(rng.integers(len(ways)))]] = document["files"].pop(name)
    path.write_text(json.dumps(document), "utf-8")


def change_parquet(package: Path, rng: np.random.Generator) -> None:
    """Change a Parquet shard's footer, page header, bytes or size."""
    path = _any_of(sorted(package.glob("data/*.parquet")), rng)
    content = bytearray(path.read_bytes())
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    what = rng.integers(5)
    if what == 0:
        content[footer:-8] = _noise(bytes(content[footer:-8]), rng)
    elif what == 1:
        chunk = pq.read_metadata(path).row_group(0).column(int(rng.integers(8)))
        begin = chunk.dictionary_page_offset or chunk.data_page_offset
        content[begin : begin + 40] = _noise(bytes(content[begin : begin + 40]), rng)
    elif what == 2:
        del content[int(rng.integers(len(content))) :]
    elif what == 3:
        content = bytearray(_noise(bytes(content), rng))
    else:
        _expand(path, rng)
        return
    path.write_bytes(content)


def _expand(path: Path, rng: np.random.Generator) -> None:
    """Rewrite a shard as a small file, but large table."""
    table = pq.read_table(path)
    if rng.random() < 0.5:
        large = pa.array([{"bytes": bytes(200_000_000), "path": "x"}], table.schema.field("image").type)
        table = table.slice(0, 1).set_column(0, table.schema.field("image"), large)
    else:
        table = pa.concat_tables([table.slice(0, 1)] * 2000).combine_chunks()
        gene = table.schema.get_field_index("gene")
        table = table.set_column(gene, table.schema.field(gene), pa.array(["x" * 1_000_000] * 2000))
    pq.write_table(table, path, compression="zstd", use_dictionary=["gene"])


def change_release(release: Path, rng: np.random.Generator) -> None:
    """Change a published release's table or one of its files."""
    table = release / "metadata.csv"
    path = _any_of(sorted(release.glob("*/*.png")), rng)
    what = rng.integers(6)
    if what == 0:
        table.write_bytes(_noise(table.read_bytes(), rng))
    elif what == 1:
        lines = [line.split(",") for line in table.read_text("utf-8").splitlines()]
        for _ in range(int(rng.integers(1, 8))):
            line = lines[int(rng.integers(len(lines)))]
            odd = _ODD[int(rng.integers(len(_ODD)))]
            line[int(rng.integers(len(line)))] = odd if isinstance(odd, str) else str(odd)
        text = "\n".join(",".join(line) for line in lines)
        table.write_text(text, "utf-8", errors="surrogatepass")
    elif what == 2:
        path.write_bytes(_noise(path.read_bytes(), rng))
    elif what == 3:
        path.write_bytes(png_of(8, 8, zlib.compress(bytes(40_000_000), 9)))
    elif what == 4:
        table.write_bytes(b"\x1f\x8b" + table.read_bytes())
    else:
        path.write_bytes(path.read_bytes()[: int(rng.integers(100))])


MUTATIONS: dict[str, Mutation] = {
    "manifest": change_json("manifest.json"),
    "classes": change_json("classes.json"),
    "shard": change_shard,
    "png": change_png,
    "table": change_table,
    "climb": climb,
    "parquet": change_parquet,
    "release": change_release,
}


def reseal(package: Path) -> None:
    """Make a readable manifest's hashes and sizes fit the files."""
    path = package / "manifest.json"
    try:
        manifest = json.loads(path.read_bytes())
        for name, facts in manifest["files"].items():
            if (package / name).is_file() and not (package / name).is_symlink() and ".." not in name:
                content = (package / name).read_bytes()
                facts |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        path.write_text(json.dumps(sealed(manifest | {"version": version_of(manifest)})), "utf-8")
    except (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError):
        return  # it says nothing that could be made right


def png_of(width: int, height: int, packed: bytes) -> bytes:
    """Return an 8-bit grey PNG of given size and data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _noise(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 20))):
        changed[int(rng.integers(len(changed)))] = int(rng.integers(256))
    return bytes(changed)


def _any_of(paths: list[Path], rng: np.random.Generator) -> Path:
    return paths[int(rng.integers(len(paths)))]
