"""Checks on untrusted Parquet files.

What a row group expands to is known from its pages' headers before it is read. A page of a few kilobytes may inflate to
two gigabytes, and a dictionary's one long value may stand for a million rows; pyarrow allocates both. The footer can
say anything of it, the headers cannot: they are what pyarrow goes by. Layout:
https://parquet.apache.org/docs/file-format/data-pages/ and its ``parquet.thrift``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from cytoimagenet_reader.arrow_checks import check_schema
from cytoimagenet_reader.class_labels import classes_of, spelled, spelled_schema
from cytoimagenet_reader.parquet_footer import Chunk, Group, row_groups
from cytoimagenet_reader.parquet_pages import DATA_PAGE, Page, page_at, plain_texts, plain_views

_ROOM: Final = 1 << 26  # bytes that any reading may expand to
_RATIO: Final = 100  # and as many times its size in the file; those of ours stay below 20
_CELL: Final = 8  # bytes of an offset, a code or a number
_GAP: Final = 1 << 16  # bytes between columns that are fetched with them rather than asking twice
_CODECS: Final = {0: "uncompressed", 1: "snappy", 6: "zstd"}
_IMAGE: Final = "image"
_LIMITS: Final = {"thrift_string_size_limit": 1 << 24, "thrift_container_size_limit": 1 << 18}


class Parquet:
    """An open Parquet file of a package.

    ``schema`` is that of its columns; ``rows`` counts those of each row group. Labels that it holds as numbers are read
    as the names of classes, whose list is ``classes``; None where it holds names.
    """

    def __init__(self, file: pq.ParquetFile, source: pa.NativeFile, groups: list[Group], schema: pa.Schema) -> None:
        self._file, self._source, self._groups = file, source, groups
        self.classes = classes_of(schema)
        self.schema = check_schema(spelled_schema(schema, self.classes))
        self.rows = [group.rows for group in groups]

    def read(self, groups: Collection[int], columns: Collection[str] | None = None, in_place: bool = False) -> pa.Table:
        """Return row groups after checking them.

        Parameters
        ----------
        groups : by number
        columns : those to read; None for all
        in_place : whether the images' bytes may be a ``binary_view`` of the file

        Raises
        ------
        ValueError, OSError
            Where they are malformed, or would expand to more than 64 MB and 100 times their bytes in the file.
        """
        self._check(groups, self._chunks, columns)
        names = self.schema.names if columns is None else list(columns)
        images = self._images(list(groups), in_place) if _IMAGE in names else None
        threads = images is None and not isinstance(self._source, pa.PythonFile)  # see open_parquet
        return self._read(groups, names, images, threads)

    def read_around_images(self, columns: Collection[str]) -> pa.Table:
        """Return all rows, with images of no bytes.

        Raises
        ------
        ValueError, OSError
            As ``read`` does.
        """
        groups = range(len(self.rows))
        self._check(groups, self._chunks_around, columns)
        rows = sum(self.rows)
        nothing = pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(bytes(4 * rows + 4)), pa.py_buffer(b"")])
        return self._read(groups, columns, nothing if _IMAGE in columns else None, threads=False)

    def image_chunks(self) -> list[Chunk]:
        """Return where the images' bytes lie, by row group."""
        return [self._chunks(group, [_IMAGE])[0] for group in range(len(self.rows))]

    def _check(
        self, groups: Collection[int], chunks: Callable[..., list[Chunk]], columns: Collection[str] | None
    ) -> None:
        """Raise for a missing column, or what expands too much."""
        if missing := sorted({*(columns or ())} - {*self.schema.names}):
            raise ValueError(f"the file has no column {', '.join(missing)}")
        packed = expanded = 0
        for group in groups:
            for chunk in chunks(group, columns) if self.rows[group] else ():  # without rows it need not lie anywhere
                packed += chunk.end - chunk.begin
                expanded += _expanded(self._source, chunk)
                if expanded > _ROOM + _RATIO * packed:
                    raise ValueError(f"row group {group} expands to {expanded:,} bytes or more, from {packed:,}")

    def _read(
        self, groups: Collection[int], names: Collection[str], images: pa.Array | None, threads: bool
    ) -> pa.Table:
        """Return columns of row groups, with these images' bytes."""
        if images is not None:
            names = [f"{_IMAGE}.path" if name == _IMAGE else name for name in names]
        table = self._file.read_row_groups(list(groups), columns=list(names), use_threads=threads)
        if images is not None:
            column = pa.StructArray.from_arrays(
                [images, table[_IMAGE].combine_chunks().field("path")], ["bytes", "path"]
            )
            field = self.schema.field(_IMAGE).with_type(column.type)
            table = table.set_column(table.schema.get_field_index(_IMAGE), field, column)
        table.validate(full=True)
        return spelled(table, self.classes)

    def byte_ranges(self, groups: Collection[int], columns: Collection[str]) -> list[tuple[int, int]]:
        """Return the byte ranges of columns of row groups.

        They are (begin, end), neighbours as one.
        """
        found: list[tuple[int, int]] = []
        chunks = (chunk for group in groups for chunk in self._chunks(group, columns))
        for begin, end in sorted((chunk.begin, chunk.end) for chunk in chunks):
            if found and begin <= found[-1][1] + _GAP:
                found[-1] = (found[-1][0], max(end, found[-1][1]))
            else:
                found.append((begin, end))
        return found

    def places(self) -> tuple[list[int], int]:
        """Return where each row group begins, and the last ends."""
        bounds = [(chunk.begin, chunk.end) for group in self._groups for chunk in group.chunks]
        return [min(chunk.begin for chunk in group.chunks) for group in self._groups], max(end for _, end in bounds)

    def _images(self, groups: list[int], in_place: bool) -> pa.Array | None:
        """Return a row group's images; None where pyarrow must read."""
        if len(groups) != 1 or not self.rows[groups[0]]:
            return None
        field = self.schema.field(_IMAGE)
        if not (field.nullable and field.type.field(0).nullable):  # else the levels are others
            return None
        chunk = self._chunks(groups[0], [_IMAGE])[0]
        images = plain_views(self._source, chunk) if in_place else None
        return plain_texts(self._source, chunk) if images is None else images

    def _chunks(self, group: int, columns: Collection[str] | None) -> list[Chunk]:
        chunks = self._groups[group].chunks
        return chunks if columns is None else [chunk for chunk in chunks if chunk.column in columns]

    def _chunks_around(self, group: int, columns: Collection[str]) -> list[Chunk]:
        """Return those of columns, without the images' bytes."""
        chunks = self._chunks(group, columns)
        without = self._chunks(group, [_IMAGE])[:1]
        return [chunk for chunk in chunks if chunk not in without]


@contextlib.contextmanager
def open_parquet(source: pa.NativeFile, tail: memoryview | None = None, **options: Any) -> Iterator[Parquet]:
    """Open a Parquet file with allowed column types.

    Parameters
    ----------
    tail : the end of the file with its footer; then ``source`` is not asked for it

    Raises
    ------
    ValueError, OSError
        Where its footer is malformed, or states any other columns, or another writer than Arrow.
    """
    end = source if tail is None else pa.BufferReader(tail)
    groups = row_groups(end)
    if tail is not None:
        with pq.ParquetFile(end, **_LIMITS) as footer:
            options["metadata"] = footer.metadata
    # what is read ahead is held by a thread of pyarrow: one that holds Python's when the interpreter ends aborts it
    with pq.ParquetFile(source, pre_buffer=False, **_LIMITS, **options) as file:
        schema = pq.read_schema(source) if options.get("read_dictionary") else file.schema_arrow
        yield Parquet(file, source, groups, schema)


def _expanded(source: pa.NativeFile, chunk: Chunk) -> int:
    """Return the maximum bytes a column chunk expands to."""
    if chunk.codec not in _CODECS:
        raise ValueError(f"column {chunk.column!a} is compressed by a codec of no package ({chunk.codec})")
    total = values = 0
    dictionary: Page | None = None
    begin = chunk.begin
    while begin < chunk.end:
        page = page_at(source, begin, chunk.end)
        total += page.inflated
        if page.kind == DATA_PAGE:
            values += page.values
        elif dictionary is None:
            dictionary = page
        else:
            raise ValueError(f"column {chunk.column!a} has two dictionaries in one row group")
        begin = page.position + page.size
    if values != chunk.values:
        raise ValueError(f"column {chunk.column!a} has {values} values, and {chunk.values} by its footer")
    total += values * (_CELL + chunk.width)
    if dictionary is None or not chunk.text:
        return total
    if values * dictionary.inflated <= _RATIO * (chunk.end - chunk.begin):
        return total + values * dictionary.inflated
    return total + values * _longest(source, dictionary, _CODECS[chunk.codec])


def _longest(source: pa.NativeFile, page: Page, codec: str) -> int:
    """Return the longest text's length in a dictionary page.

    Each text is its length, in 4 bytes, and its bytes.
    """
    if page.inflated > _ROOM:
        return page.inflated
    data = source.read_at(page.size, page.position)
    if codec != "uncompressed":
        data = pa.decompress(data, page.inflated, codec, asbytes=True)
    longest = position = 0
    for _ in range(page.values):
        length = int.from_bytes(data[position : position + 4], "little")
        longest = max(longest, length)
        position += 4 + length
        if position > len(data):
            raise ValueError("a dictionary is malformed")
    return longest
