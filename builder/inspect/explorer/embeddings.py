"""``embeddings.parquet``: a vector of every example, for others to use."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from builder.engine.parquet import parquet_writer
from builder.engine.progress import Progress
from builder.engine.store import Store
from builder.inspect.explorer.features import LENGTH, features
from builder.inspect.explorer.sheets import fitted
from builder.package.data_files import data_batches
from builder.package.manifest import read_manifest
from builder.schema import SPLITS
from cytoimagenet_reader import layout
from cytoimagenet_reader.decode import decode

SCHEMA: Final = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("filename", pa.string(), nullable=False),
        pa.field("idx", pa.string(), nullable=False),
        pa.field("embedding", pa.list_(pa.float32(), LENGTH), nullable=False),
    ]
)
"""Columns; a row per example, in the order of ``metadata.parquet``. ``path`` and ``filename`` name it."""


def write_embeddings(package: Store | str, path: Path) -> int:
    """Describe every example of a package; return their number.

    Each is decoded, a record batch in memory at a time; see `features` for what the 32 numbers are.

    Raises
    ------
    UserError
        Where the folder is no finished package.
    """
    store = package if isinstance(package, Store) else Store(package)
    manifest = read_manifest(store)
    out = Store(path.absolute().parent)
    with (
        out.writing(path.name) as file,
        parquet_writer(file, SCHEMA, compression="zstd") as writer,
        Progress("embeddings", manifest["images"], "examples") as progress,
    ):
        for split in SPLITS:
            for shard in layout.shards_of(manifest["files"], layout.FULL, split):
                with store.open(shard) as source:
                    for batch in data_batches(source, shard, ["image", "path", "filename", "idx"], 100):
                        writer.write_batch(_described(batch))
                        progress.add(batch.num_rows)
    return int(manifest["images"])


def _described(batch: pa.RecordBatch) -> pa.RecordBatch:
    vectors = np.stack([features(fitted(decode(png))) for png in batch["image"].field("bytes").to_pylist()])
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), LENGTH)
    return pa.RecordBatch.from_arrays([*(batch[name] for name in SCHEMA.names[:3]), embedding], schema=SCHEMA)
