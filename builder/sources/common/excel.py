"""Reader of plate tables in Excel files.

Old (.xls) or new (.xlsx): a sheet's columns by name, as text.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook

from builder.sources.common.folder import Folder, LayoutError

_INFLATED: Final = 256 << 20
"""Most bytes of a workbook's parts; that of bbbc017 has 2.4 MB in the old format."""


def read_sheet(folder: Folder, names: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (path, values of ``columns``) for each row.

    Rows are from the first sheet of the first of these files there is. Whole numbers come without a point; a folder
    that holds none of the files is noted.

    Raises
    ------
    LayoutError
        Where the file is no workbook or a column is missing.
    """
    paths = [path for name in names for path in folder.named(name)]
    folder.tables[" or ".join(names)] = bool(paths)
    if not paths:
        folder.notes.add("annotation tables not found", f"{' or '.join(names)}, anywhere in the folder")
        return
    path = paths[0]
    content = folder.read_bytes(path)
    check_size(f"{folder.root}/{path}", content)
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError) as error:
        raise LayoutError(f"{folder.root}/{path}: no Excel workbook ({error})") from None
    header = [str(name).strip().lower() for name in rows[0]] if rows else []
    missing = [name for name in columns if name.lower() not in header]
    if missing:
        found = ", ".join(header) or "nothing"
        raise LayoutError(f"{folder.root}/{path}: no column {', '.join(missing)}; found {found}")
    places = [header.index(name.lower()) for name in columns]
    for row in rows[1:]:
        yield path, tuple(_text(row[place]) for place in places)


def check_size(name: str, content: bytes) -> None:
    """Refuse a workbook that inflates beyond its bound.

    A new workbook is a zip file; the library that reads it has no bound of its own.
    """
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return
    left = _INFLATED
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                with archive.open(member) as file:
                    while left > 0 and (piece := file.read(1 << 20)):
                        left -= len(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise LayoutError(f"{name}: no Excel workbook ({error})") from None
    if left <= 0:
        raise LayoutError(f"{name}: a workbook of more than {_INFLATED:,} bytes, which no source has")


def _text(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
