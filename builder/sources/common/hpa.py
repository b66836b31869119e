"""Shared code of the two Human Protein Atlas competitions.

A field has four colour files, each of which is one record.

Layout: ``…/<UUID>_<colour>.png`` and one ``train.csv`` with one row per field. Blue shows the nucleus, red
microtubules, yellow the endoplasmic reticulum, green the protein that the row locates. As in the original, no two
colours are merged. The original dropped frequent structures of a row while another was left; here every location that a
row states is kept. The fibrillar center is a part of the nucleoli, so its class gives both.

Specimen: a field of view in four colours. The second competition shows fields of the first at a higher resolution,
under the same UUID: a field is one group over both sources. The Atlas images a stained sample at several fields, but
no file says which fields are of one sample; only the whole would be a safe group, and so the fields stay apart. Plates
and sessions are not stated, so there is no batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from builder.schema import TOKEN_SEPARATOR
from builder.sources.base import Channel, Image
from builder.sources.common.folder import Folder
from builder.sources.common.screens import check_understood
from builder.sources.common.tables import Rows, find_tables, read_table

_STAINS: Final = {"blue": "nucleus", "red": "microtubules", "yellow": "er"}
_PROTEIN: Final = "green"
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME = re.compile(rf"(?:^|/)({_UUID})_(red|green|blue|yellow)\.png$", re.IGNORECASE)
_TABLE: Final = "train.csv"
_UNLABELLED: Final = "sample_submission.csv"


def images(
    folder: Folder, columns: tuple[str, str], separator: str | None, names: Mapping[str, str]
) -> Iterator[Image]:
    """Yield one image per colour file.

    Parameters
    ----------
    columns : of ``train.csv``: UUID, class numbers
    separator : between class numbers; None for blanks
    names : class number -> structures; '' for none
    """
    rows = _read_rows(folder, columns, separator, names)
    unlabelled = _unlabelled(folder)
    found = 0
    for path in folder.paths(".png"):
        match = _NAME.search(path)
        if not match:
            folder.notes.add("files without a known name", path)
            continue
        field, colour = match[1].lower(), match[2].lower()
        is_test = field in unlabelled or "/test/" in f"/{path.lower()}"
        located = None if is_test else rows.get(_TABLE, field, (path,))
        found += 1
        yield Image(
            key=f"{field}_{colour}",
            channels=(Channel(path, _STAINS.get(colour, "protein")),),
            group=f"shared:hpa:{field}",
            cell_visible=(located or None) if colour == _PROTEIN else _STAINS[colour],
        )
    rows.note_unused()
    check_understood(folder, found, "<UUID>_<red, green, blue or yellow>.png")


def _read_rows(folder: Folder, columns: tuple[str, str], separator: str | None, names: Mapping[str, str]) -> Rows[str]:
    """Read UUID -> structures, '' where the row names none."""
    rows: Rows[str] = Rows(folder.notes)
    for table in find_tables(folder, _TABLE):
        for field, numbers in read_table(folder, table, columns):
            classes = numbers.split(separator)
            unknown = [number for number in classes if number not in names]
            if unknown:
                folder.notes.add("class numbers without a name", f"{table}: {field} {' '.join(unknown)}")
            located = dict.fromkeys(names[number] for number in classes if names.get(number))
            rows.add(_TABLE, field.lower(), TOKEN_SEPARATOR.join(located), table)
    return rows


def _unlabelled(folder: Folder) -> set[str]:
    """Return the UUIDs of the unlabelled test set."""
    return {field.lower() for table in folder.named(_UNLABELLED) for (field,) in read_table(folder, table, ("Id",))}
