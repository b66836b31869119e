"""Writing a shard's record batches, in either format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.engine.parquet import parquet_writer
from builder.package.features import shard_schema
from builder.schema import METADATA, extra_fields

BATCH_FACTS: Final = ("batch_rows", "batch_offsets", "footer_offset")
"""What is said of where a shard's record batches or row groups are, in this order."""
_TEXTS: Final = [name for name in METADATA.names if name not in ("label", "filename", "idx")]
PARQUET_OPTIONS: Final[dict[str, Any]] = {
    "compression": {"image.bytes": "none", **dict.fromkeys(("image.path", *METADATA.names), "zstd")},
    "use_dictionary": _TEXTS,
    "data_page_size": 64 << 20,
    "write_statistics": list(METADATA.names),
    "write_page_index": True,
}
"""How a Parquet shard is written, a row group for each batch.

PNGs are as they are: zstd would save less than 0.5 % of them, and a change of one would change all bytes after it, so
that a store that keeps equal pieces once would find none. They lie in one page, which is read in one piece. Chunking by
content, which would cut pages elsewhere, was measured to send 5 to 12 % more again after a change of the recipe.
"""


def write_batches(
    out: Any,
    batches: Iterable[pa.RecordBatch],
    file_format: str,
    classes: Sequence[str],
    extras: Sequence[pa.Field] = (),
) -> dict[str, Any]:
    """Write each batch as a record batch or row group.

    Returns the rows of each as ``batch_rows``, where it begins as ``batch_offsets``, and of Parquet where the last ends
    as ``footer_offset``, in bytes.

    Parameters
    ----------
    batches : schema ``EXAMPLES`` and ``extras``
    classes : of ``full``, whose numbers are the labels of a Parquet shard
    """
    schema = shard_schema(file_format, classes, extras)
    numbers = pa.array(classes, pa.string()) if file_format == "parquet" else None
    rows: list[int] = []
    offsets: list[int] = []
    footer: list[pq.FileMetaData] = []
    with _writer(out, schema, file_format, footer) as writer:
        for batch in batches:
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            if numbers is not None:
                columns["label"] = pc.cast(pc.index_in(columns["label"], value_set=numbers), pa.int64())
            written = pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)
            writer.write_batch(written)
            rows.append(written.num_rows)
            if file_format == "arrow":
                offsets.append(out.tell() - pa.ipc.get_record_batch_size(written))
    if file_format == "arrow":
        return {"batch_rows": rows, "batch_offsets": offsets}
    return {"batch_rows": rows, **group_offsets(footer[0])}


def group_offsets(footer: pq.FileMetaData) -> dict[str, Any]:
    """Return where row groups begin, and the last ends."""
    begins, end = [], 0
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        chunks = [group.column(column) for column in range(group.num_columns)]
        places = [chunk.dictionary_page_offset or chunk.data_page_offset for chunk in chunks]
        begins.append(min(places))
        end = max(place + chunk.total_compressed_size for place, chunk in zip(places, chunks, strict=True))
    return {"batch_offsets": begins, "footer_offset": end}


def _writer(out: Any, schema: pa.Schema, file_format: str, footer: list[pq.FileMetaData]) -> Any:
    if file_format == "arrow":
        return pa.ipc.new_stream(out, schema)
    added = [field.name for field in extra_fields(schema)]
    options = PARQUET_OPTIONS | {
        "compression": PARQUET_OPTIONS["compression"] | dict.fromkeys(added, "zstd"),
        "use_dictionary": [*PARQUET_OPTIONS["use_dictionary"], *added],
        "write_statistics": [*PARQUET_OPTIONS["write_statistics"], *added],
    }
    return parquet_writer(out, schema, metadata_collector=footer, **options)
