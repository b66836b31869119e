"""A contact sheet of a class, by source and scale."""

from __future__ import annotations

import difflib
from typing import Final

import numpy as np
import pyarrow as pa
from PIL import Image

from builder.engine.store import Store
from builder.errors import UserError
from builder.inspect.explorer.choose import choose
from builder.inspect.explorer.rows import places, read_rows
from builder.inspect.explorer.summary import Classes, classes_of
from builder.package.contact_sheet import Thumbnail, contact_sheet
from builder.package.examples_at import each_example
from builder.package.manifest import read_manifest
from cytoimagenet_reader.decode import decode

_COLUMNS: Final = 8
_WHOLE: Final = 1.0


def class_sheet(package: Store | str, label: str, category: str | None = None, most: int = 48) -> bytes:
    """Return a class's contact sheet as PNG.

    Examples are dealt from its sources, scales and sides of the split, and stand by source and scale; below each is its
    side.

    Raises
    ------
    UserError
        Where the package has no such class, or several.
    """
    store = package if isinstance(package, Store) else Store(package)
    manifest = read_manifest(store)
    table = read_rows(store)
    classes = classes_of(table)
    number = _found(classes, label, category)
    mine = np.flatnonzero(classes.of_row == number)
    some = table.take(pa.array(mine))
    rows = mine[choose(some, np.zeros(len(mine), np.int64), most)]
    wanted = places(table, rows)
    pngs = dict(each_example(store, manifest["files"], wanted))
    facts = table.select(["dir_name", "scaling", "split"]).take(pa.array(rows)).to_pylist()
    groups: dict[tuple[str, float], list[Thumbnail]] = {}
    for fact, place in zip(facts, wanted, strict=True):
        if pngs.get(place) is not None:
            thumbnail = Thumbnail(Image.fromarray(decode(pngs[place])), fact["split"])
            groups.setdefault((fact["dir_name"], fact["scaling"]), []).append(thumbnail)
    mark = " (simulated)" if manifest["simulated"] else ""
    lines = []
    for (source, scale), thumbnails in sorted(groups.items(), key=lambda item: (item[0][0], -item[0][1])):
        what = "whole images" if scale == _WHOLE else f"crops of 1/{1 / scale:g} of the side"
        for start in range(0, len(thumbnails), _COLUMNS):
            title = f"{label}{mark}: {source}, {what}" if not start else ""
            lines.append((title, thumbnails[start : start + _COLUMNS]))
    return contact_sheet(lines)


def _found(classes: Classes, label: str, category: str | None) -> int:
    """Return the number of the class of this name."""
    found = [
        number
        for number, pair in enumerate(zip(classes.names, classes.categories, strict=True))
        if pair[0] == label and category in (None, pair[1])
    ]
    if len(found) > 1:
        raise UserError(
            f"{label} is a class of {' and of '.join(classes.categories[n] for n in found)}: use --category"
        )
    if not found:
        near = difflib.get_close_matches(label, classes.names, 3)
        raise UserError(f"the package has no class {label!r}{'; is it ' + ' or '.join(near) + '?' if near else ''}")
    return found[0]
