"""A declaration proposed for a folder of images."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from builder.schema import extra_problem
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.declared.declaration import parse
from builder.sources.declared.facts import plain
from builder.sources.declared.images import Images
from builder.sources.declared.lists import guessed_paths
from builder.sources.declared.own_metadata import read_metadata
from builder.sources.proposed.meanings import category_of, extra_name, is_place, stain_of, type_of
from builder.sources.proposed.proposal import Added, Joined, Proposal
from builder.sources.proposed.scheme import Scheme, image_paths, scheme_of
from builder.sources.proposed.tables import Found, tables_of
from builder.sources.proposed.write import written

_LOOKED_AT: Final = 300  # images whose channels are listed
_MOST_CHANNELS: Final = 12


def propose(folder: Folder, title: str) -> str:
    """Return a commented ``source.toml`` for a folder.

    Raises
    ------
    UserError
        Where the folder holds no image.
    """
    images = image_paths(folder)
    tables = list(tables_of(folder))
    scheme = scheme_of(images, tables)
    joined, remarks = _joined(scheme, [table for table in tables if table is not scheme.listing])
    sources = [table for table, _ in joined]
    columns, extra = _columns(scheme, [*([scheme.listing] if scheme.listing else []), *sources])
    first = read_metadata(folder, images[0])
    if scheme.key != "list" and not _told(scheme) and first.pages > 1 and not first.channels and first.planes == 1:
        remarks.append(
            f"{images[0]} has {first.pages} pages: are they channels, fields or planes? Only the first is read; "
            'say with [files.pages], or with plane = "middle" or "max" in [files]'
        )
    proposal = Proposal(title, scheme, tuple(table for _, table in joined), columns, extra, first, (), tuple(remarks))
    return written(proposal._replace(channels=tuple(_channels(folder, proposal))))


def _told(scheme: Scheme) -> bool:
    """Return whether names tell the channel."""
    return any(values - {""} for name, values in scheme.values.items() if name in ("channel", "number"))


def _joined(scheme: Scheme, tables: Sequence[Found]) -> tuple[list[tuple[Found, Joined]], list[str]]:
    """Return the tables that join, and remarks on others."""
    found: list[tuple[Found, Joined]] = []
    remarks = []
    plates = scheme.values.get("plate", set())
    maps = [table for table in tables if table.kind in ("grid", "wells")]
    of_plates = [table for table in maps if _stem(table.file) in plates]
    if len(of_plates) > 1 and len({tuple(table.header) for table in of_plates}) == 1:
        pattern = _glob([table.file for table in of_plates])
        join = {"plate": "(file)", "well": _well_name(of_plates[0])}
        found.append((of_plates[0], Joined(pattern, join, said="a plate map a plate, joined by its file's name")))
        maps = [table for table in maps if table not in of_plates]
    for table in maps:
        if "well" not in scheme.values:
            remarks.append(
                f"{table.file} speaks of wells; names of images do not. Say in [files] where the well stands"
            )
        elif any(table.header == other.header and table.kind == other.kind for other, _ in found):
            remarks.append(f"{table.file} is like {found[0][0].file}: of which plate is it? Join it with [[tables]]")
        else:
            drawn = "a plate map as a grid" if table.kind == "grid" else "a table of wells"
            found.append((table, Joined(table.file, {}, said=drawn)))
    for table in (table for table in tables if table.kind == "other"):
        join = _key(scheme, table)
        if join:
            found.append((table, Joined(table.file, join, said="joined by equal values")))
        else:
            remarks.append(
                f"{table.file} ({', '.join(table.header[:6])}) has no column that names of images hold too; "
                'join it with [[tables]] and join = { fact = "column" }'
            )
    return found, remarks


def _stem(path: str) -> str:
    return PurePosixPath(path).name.partition(".")[0]


def _glob(files: Sequence[str]) -> str:
    """Return the pattern of files' common folder and ending."""
    first = PurePosixPath(files[0])
    folder = f"{first.parent}/" if str(first.parent) != "." else ""
    return f"{folder}*{first.suffix}"


def _well_name(table: Found) -> str:
    return "well" if table.kind == "grid" else next(name for name in table.header if "well" in plain(name))


def _key(scheme: Scheme, table: Found) -> dict[str, str]:
    """Return the fact and column whose values meet most."""
    best: dict[str, str] = {}
    most = (0.5, 1)
    for name in table.header:
        here = {value.casefold() for value in table.column(name) if value} if name else set()
        for fact, values in scheme.values.items():
            there = {value.casefold() for value in values if value}
            common = len(here & there)
            share = common / min(len(here), len(there)) if common > 1 else 0.0
            if (share, common) > most:
                best, most = {fact: name}, (share, common)
    return best


def _columns(scheme: Scheme, tables: Sequence[Found]) -> tuple[dict[str, str], dict[str, Added]]:
    """Return the categories and extra columns that tables give."""
    columns: dict[str, str] = {}
    extra: dict[str, Added] = {}
    texts = []
    if scheme.listing is not None and scheme.listing.kind == "coco":
        columns["phenotype"] = "category"
    for table in tables:
        paths = _path_columns(scheme, table)
        for name in dict.fromkeys(table.header):
            if not name or is_place(name) or name in paths:
                continue
            values = table.column(name)
            column = category_of(name)
            if column and column not in columns and any(values):
                columns[column] = name
                continue
            added, unit = extra_name(name)
            kind = type_of(values)
            if any(values) and added not in extra and not extra_problem(added, kind):
                extra[added] = Added(name, kind, unit)
                distinct = {value for value in values if value}
                if kind == "text" and 1 < len(distinct) < len(values):
                    texts.append(added)
    if not columns and texts and scheme.key != "class_folders":
        columns["phenotype"] = extra.pop(texts[0]).fact
    if not columns and not tables:
        words = [
            name for name, found in scheme.values.items() if name.startswith(("part", "folder")) and len(found) > 1
        ]
        columns |= {"phenotype": words[0]} if words else {}
    return columns, extra


def _path_columns(scheme: Scheme, table: Found) -> set[str]:
    if table is not scheme.listing:
        return set()
    named = {name for name in table.header if plain(name).startswith(("filename", "pathname", "url", "imagefilename"))}
    return (
        named
        | {table.paths}
        | {text for _, text in guessed_paths(table.header)}
        | {name for name in table.header if plain(name).startswith("imagepathname")}
    )


def _channels(folder: Folder, proposal: Proposal) -> Iterator[tuple[str, str]]:
    """Yield each channel's key and what it shows, or ''."""
    if proposal.first.channels and not _told(proposal.scheme):
        yield from ((str(n), stain_of(name) if name else "") for n, name in enumerate(proposal.first.channels, 1))
        return
    try:
        found = Images(parse(written(proposal), "source.toml"))(folder)
        shows = dict.fromkeys(
            channel.structure for image in itertools.islice(found, _LOOKED_AT) for channel in image.channels
        )
    except LayoutError:
        return
    names = list(itertools.islice(shows, _MOST_CHANNELS))
    if len(names) > 1 or (names and names[0] != "light"):
        for name in names:
            yield name, "" if name.lower().lstrip("ac0123456789") == "" else stain_of(name)
