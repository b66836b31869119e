"""The table of sources: terms, contents, local status and downloads."""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final

from builder.engine.store import Store
from builder.errors import UserError
from builder.schema import CATEGORIES
from builder.sources import declared_in, load_sources
from builder.sources.base import Source
from builder.sources.common import licenses

log = logging.getLogger(__name__)

_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_HEADER: Final = ("source", "database", "name", "images", "download", "licence")
_PRESENCE: Final = ("status", "on disk")
_LABELS: Final = "labels it feeds (distinct ones)"  # last: it is the widest
_RIGHT: Final = frozenset(("images", "download", "on disk"))
_NAME_WIDTH: Final = 34
_UNCLEAR: Final = {
    licenses.UNSTATED: "the source states no licence; ask its makers before you publish what you build of it",
    licenses.UNRESOLVED: "terms are stated, but not settled here; read them at the source before you publish",
}


def catalog(
    data: str | None = None, only: Iterable[str] = (), options: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return the facts of each source, sorted by ``dir_name``.

    They are JSON values.

    Parameters
    ----------
    data : folder or fsspec URL that holds one folder per source; None leaves out what is there
    only : dir_names; all without

    Returns
    -------
    list of dict:
        dir_name, database, name, accession, url, citation, formats
        license
            id, name, url, commercial_use, derivatives (None: the terms do not say), restricted
        images
            of the full download, None where nobody says
        download_bytes
            sum of the sizes that are known, None where none is
        specimen, repeats, batch
            what is kept on one side of the split, how often and by what it is imaged, and what shares its acquisition
        single_object, pixel_size_um
            where they hold for every image (False, None: they do not, or the source does not tell)
        labels
            category -> number of distinct tokens of the full download, None where it is not known
        downloads
            list of url and bytes
        and with ``data``: status (present, empty, missing), files and bytes on disk (None where missing), and
        ``found_as``, the name of a folder that looks like the source's under another spelling

    Raises
    ------
    UserError
        Where ``data`` is not a folder, or a name in ``only`` is no source.
    """
    if data is None:
        sources, broken = load_sources(only)
        _say(broken)
        return [_facts(source) for source in sources]
    store = Store(data, options)
    try:
        folders = store.folders()
        declared, wrong = declared_in(data, options)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{data} is not a folder; DATA holds one folder per source, named as `cytoimagenet sources` lists them"
        ) from None
    asked, ours = set(only), {source.dir_name for source in declared} | wrong.keys()
    sources, broken = ([], {}) if asked and asked <= ours else load_sources(asked - ours)
    _say({**broken, **wrong})
    sources = sorted(
        [*sources, *(source for source in declared if not asked or source.dir_name in asked)],
        key=lambda source: source.dir_name,
    )
    return [_facts(source) | _presence(store, folders, source.dir_name) for source in sources]


def _say(broken: dict[str, str]) -> None:
    for text in broken.values():
        log.error("%s", text)


def catalog_text(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows of ``catalog`` as a readable table.

    Instructions to get what is missing follow. Without ``data`` the downloads of all sources are listed, else those of
    the missing ones.
    """
    with_data = bool(rows) and "status" in rows[0]
    header = (*_HEADER, *_PRESENCE, _LABELS) if with_data else (*_HEADER, _LABELS)
    lines = [_line(row, with_data) for row in rows]
    parts = [_table([header, *lines]), _summary(rows, with_data)]
    parts += [_remarks(rows), _how_to_get([row for row in rows if row.get("status") != "present"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(source: Source) -> dict[str, Any]:
    sizes = [download.size for download in source.downloads if download.size is not None]
    given = {**dict.fromkeys((c for c in CATEGORIES if c in source.constants), None), **source.expected_tokens}
    terms = source.license
    return {
        "dir_name": source.dir_name,
        "database": source.database,
        "name": source.name,
        "accession": source.accession,
        "url": source.url,
        "license": {**terms._asdict(), "restricted": terms.restricted},
        "images": source.expected_images,
        "download_bytes": sum(sizes) if sizes else None,
        "labels": {category: given[category] for category in CATEGORIES if category in given},
        "specimen": source.specimen,
        "repeats": source.repeats,
        "batch": source.batch_unit,
        "single_object": source.single_object,
        "pixel_size_um": source.pixel_size_um,
        "formats": list(source.formats),
        "citation": source.citation,
        "downloads": [{"url": download.url, "bytes": download.size} for download in source.downloads],
    }


def _presence(store: Store, folders: Sequence[str], dir_name: str) -> dict[str, Any]:
    if dir_name in folders:
        sizes = store.sizes(dir_name).values()
        status = "present" if sizes else "empty"
        return {"status": status, "files": len(sizes), "bytes": sum(sizes), "found_as": None}
    similar = sorted(name for name in folders if _plain(name) == dir_name or _plain(name).startswith(f"{dir_name}_"))
    return {"status": "missing", "files": None, "bytes": None, "found_as": similar[0] if similar else None}


def _plain(name: str) -> str:
    """Normalise a folder name to the spelling of source names.

    BBBC022, rec-rxrx1 and idr0080-way-perturbation are common names for the folders of bbbc022, rec_rxrx1 and idr0080.
    """
    return name.lower().replace("-", "_").replace(" ", "_")


def _line(row: dict[str, Any], with_data: bool) -> tuple[str, ...]:
    name = textwrap.shorten(row["name"], _NAME_WIDTH, placeholder=" …")
    license_id = _short(row["license"]["id"]) + (" (!)" if row["license"]["restricted"] else "")
    images = "?" if row["images"] is None else f"{row['images']:,}"
    facts = (row["dir_name"], row["database"], name, images, _size(row["download_bytes"]), license_id)
    labels = ", ".join(c if count is None else f"{c} {count:,}" for c, count in row["labels"].items())
    return (*facts, row["status"], _size(row["bytes"], ""), labels) if with_data else (*facts, labels)


def _short(license_id: str) -> str:
    return license_id.removeprefix("LicenseRef-")


def _size(count: int | None, unknown: str = "?") -> str:
    """Format a number of bytes with decimal (SI) units."""
    if count is None:
        return unknown
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if value >= 10 or unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def _table(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    right = [name in _RIGHT for name in lines[0]]
    lines = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join(
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _summary(rows: Sequence[dict[str, Any]], with_data: bool) -> str:
    images = sum(row["images"] or 0 for row in rows)
    text = f"{len(rows)} sources, {images:,} images where it is known how many"
    if with_data:
        counts = {status: sum(row["status"] == status for row in rows) for status in ("present", "empty", "missing")}
        text += "; " + ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        text += f"; {_size(sum(row['bytes'] or 0 for row in rows))} on disk"
    return text + "."


def _remarks(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        f"{row['dir_name']}: there is a folder {row['found_as']}; rename it to {row['dir_name']}"
        for row in rows
        if row.get("found_as")
    ]
    if any(row["license"]["restricted"] for row in rows):
        lines.append("(!) forbids publishing changed images: `build` takes it with --include-restricted only")
    for terms, what in _UNCLEAR.items():
        if any(row["license"]["id"] == terms.id for row in rows):
            lines.append(f"{_short(terms.id)}: {what}")
    return "\n".join(lines)


def _how_to_get(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return ""
    lines = ["How to get them: unpack each into the folder DATA/<source>, at any depth."]
    for row in rows:
        lines.append(f"{row['dir_name']}  {row['url']}")
        for download in row["downloads"]:
            size = "" if download["bytes"] is None else f"  ({_size(download['bytes'])})"
            lines.append(f"    {download['url']}{size}")
    return "\n".join(lines)
