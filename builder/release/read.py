"""The published release (https://www.kaggle.com/stanleyhua/cytoimagenet): folders of PNGs and one ``metadata.csv``.

Layout: ``<class folder>/<class folder>-<binary number>.png``, with or without a folder ``cytoimagenet`` above. A row
names its file by ``path`` (``/cytoimagenet/human``) and ``filename``; only the last folder of ``path`` counts, so that
a row can name nothing outside. Numbers are read at any width and may have gaps: files were removed after numbering.
The table is read by column names, and every column but ``filename`` may be absent: the order in the real file, and
whether ``channels`` and ``dset`` are kept, are not certain. What a row does not say is worked out as far as it can be.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from builder.release.labels import Categories
from builder.release.sources import SourceFacts
from builder.schema import ACQUISITION, METADATA
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.tables import read_table

TABLE: Final = "metadata.csv"
ROWS: Final = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),  # below the root of the release
        pa.field("folder", pa.string(), nullable=False),  # the class folder
        pa.field("file_signature", pa.int64(), nullable=False),  # changes when the file does
        *(field for field in METADATA if field.name not in ("path", "group", "sha256")),
        ("dset", pa.string()),  # the original's own split: train or val
    ]
)
"""One row per released example whose file is there."""

MISSING: Final = pa.schema([(name, pa.string()) for name in ("idx", "dir_name", "label", "file")])
"""One row per row of the table whose file is not there."""

_MADE: Final = frozenset(("filename", "license", "group", "sha256", *(name for name, _ in ACQUISITION)))
_COLUMNS: Final = ("filename", *(name for name in (*METADATA.names, "dset") if name not in _MADE))
_NULLS: Final = frozenset(("", "nan", "none", "null", "<na>"))
_LONGEST_NULL: Final = max(map(len, _NULLS))
_TRUE: Final = frozenset(("true", "1", "1.0"))
_WINDOW: Final = ("x_min", "x_max", "y_min", "y_max")
_NUMBER: Final = re.compile(r"-([01]+)\.png$", re.IGNORECASE)
_BATCH: Final = 20_000
_MOST: Final = 1 << 31  # pixels


class Release(NamedTuple):
    """What a release holds."""

    rows: pa.Table  # ROWS, sorted by idx, then by file
    missing: pa.Table  # MISSING
    sources: SourceFacts
    gaps: int  # numbers below the largest of their class that no row uses
    without_token: int  # rows whose label is no token of their category's cell


def read_release(folder: Folder) -> Release:
    """Join a release's table to its files, noting leftovers.

    Both rows without a file and files without a row are noted.

    Raises
    ------
    LayoutError
        Where there is no table, it has no column ``filename``, or none of the files that it names is there.
    """
    tables = folder.named(TABLE) or folder.named(f"{TABLE}.gz")
    if not tables:
        found = ", ".join(itertools.islice(folder.paths(), 3)) or "nothing"
        raise LayoutError(f"{folder.root}: looked for {TABLE}; found {len(folder)} files: {found}")
    reader = _Reader(folder)
    batches = list(reader.batches(tables[0]))
    if not batches:
        raise LayoutError(
            f"{folder.root}/{tables[0]}: none of the files that it names is there, such as "
            f"{', '.join(row[3] for row in reader.missing[:3]) or 'none at all'}"
        )
    folder.notes.add_all("files without a row", reader.unused())
    rows = _with_categories(pa.Table.from_batches(batches), reader.categories.by_label(folder.notes))
    order = [("idx", "ascending"), ("file", "ascending")]
    missing = [dict(zip(MISSING.names, row, strict=True)) for row in reader.missing]
    return Release(
        rows.sort_by(order),
        pa.Table.from_pylist(missing, MISSING),
        reader.sources,
        reader.gaps(),
        reader.categories.without_token,
    )


def _with_categories(rows: pa.Table, categories: Mapping[str, str]) -> pa.Table:
    """Set the category of every row from its label.

    Rows of labels without one are left out (they are noted).
    """
    labels = pa.array(list(categories), pa.string())
    place = pc.index_in(rows["label"], value_set=labels)
    column = pa.array(list(categories.values()), pa.string()).take(place.combine_chunks())
    known = pc.is_valid(column)
    column = pc.fill_null(column, "")
    return rows.set_column(rows.schema.get_field_index("category"), ROWS.field("category"), column).filter(known)


class _Reader:
    """Reads the table once, keeping what is known across rows."""

    def __init__(self, folder: Folder) -> None:
        self.notes = folder.notes
        self.folder = folder
        self.categories = Categories()
        self.sources = SourceFacts()
        self.missing: list[tuple[str, str, str, str]] = []
        self._files = _files(folder)
        self._used: set[str] = set()  # file names
        self._numbers: dict[str, tuple[int, int]] = {}  # class folder -> largest number, how many

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        rows = self._rows(table)
        while batch := list(itertools.islice(rows, _BATCH)):
            yield pa.RecordBatch.from_pylist(batch, ROWS)

    def unused(self) -> Iterator[str]:
        """Yield the files that no row names."""
        return (path for key, path in self._files.items() if key.rpartition("/")[2] not in self._used)

    def gaps(self) -> int:
        return sum(max(0, largest + 1 - count) for largest, count in self._numbers.values())

    def _rows(self, table: str) -> Iterator[dict[str, Any]]:
        for fields in read_table(self.folder, table, _COLUMNS[:1], _COLUMNS[1:]):
            row: dict[str, Any] = dict(zip(_COLUMNS, map(_text, fields), strict=True))
            name = row["filename"]
            if name is None or name in self._used:
                self.notes.add("rows that name no file, or one again", f"{table}: {name}")
                continue
            self._used.add(name)
            self._describe(row)
            if row["file"] is None:
                file = f"{row['folder']}/{name}"
                self.missing.append((row["idx"], row["dir_name"], row["label"], file))
                self.notes.add("rows without a file", file)
                continue
            row["file_signature"] = self.folder.file_signature([row["file"]])
            self.categories.add(row)
            yield row

    def _describe(self, row: dict[str, Any]) -> None:
        """Fill in the values that a row leaves open.

        Folder, file, label, idx, source and window.
        """
        name: str = row["filename"]
        stated = (row.pop("path") or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
        prefix = name.rpartition("-")[0]
        key = next((f"{folder}/{name}" for folder in (stated, prefix) if f"{folder}/{name}" in self._files), None)
        row["folder"] = key.rpartition("/")[0] if key else stated or prefix
        row["file"] = self._files.get(key) if key else None
        if row["label"] is None:
            row["label"] = row["folder"]
            self.notes.add("rows without a label, which get their folder's name", name)
        row["dir_name"] = row["dir_name"] or (row["idx"] or "").rpartition("-")[0] or "unknown"
        row["idx"] = row["idx"] or f"{row['dir_name']}-{name.rpartition('.')[0]}"
        self.sources.describe(row)
        self._place(row)
        if match := _NUMBER.search(name):
            largest, count = self._numbers.get(row["folder"], (-1, 0))
            self._numbers[row["folder"]] = (max(largest, int(match[1], 2)), count + 1)

    def _place(self, row: dict[str, Any]) -> None:
        """Read crop, scaling and window.

        A whole example has no window and the scaling 1.
        """
        numbers = {name: self._number(row, name) for name in ("scaling", *_WINDOW)}
        is_crop = numbers["x_min"] is not None if row["crop"] is None else row["crop"].lower() in _TRUE
        row["crop"] = is_crop
        row["scaling"] = (numbers["scaling"] or 1.0) if is_crop else 1.0
        for name in _WINDOW:
            value = numbers[name]
            row[name] = int(value) if is_crop and value is not None else None

    def _number(self, row: dict[str, Any], name: str) -> float | None:
        text = row[name]
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if abs(value) < _MOST:  # not so for "nan"
            return value
        self.notes.add("values that are no number, taken as unknown", f"{row['filename']}: {name} {text}")
        return None


def _files(folder: Folder) -> dict[str, str]:
    """Return ``<class folder>/<file name>`` -> path of every PNG.

    Of two copies the shallower counts, then the first.
    """
    files: dict[str, str] = {}
    for path in sorted(folder.paths(".png"), key=lambda path: path.count("/")):
        key = "/".join(path.rsplit("/", 2)[-2:])
        if files.setdefault(key, path) != path:
            folder.notes.add("second copies of a file, left out", path)
    return files


def _text(field: str) -> str | None:
    return field if len(field) > _LONGEST_NULL or field.lower() not in _NULLS else None
