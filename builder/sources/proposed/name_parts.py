"""Patterns guessed from file names that fit no layout."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from builder.sources.common.wells import parse_well
from builder.sources.proposed.meanings import is_stain

_SEPARATORS: Final = re.compile(r"([_\-. ()]+)")
_WELL: Final = re.compile(r"(?:[A-P]|A[A-F])-?\d{1,3}", re.IGNORECASE)
_PREFIXED: Final = re.compile(r"([A-Za-z]+)[ #]?(\d+)")
_MEANING: Final = {
    **dict.fromkeys(("s", "f", "site", "field", "fld", "pos", "position", "p", "xy", "fov", "view"), "field"),
    **dict.fromkeys(("w", "c", "ch", "channel", "wv", "d"), "channel"),
    **dict.fromkeys(("z", "zstep", "plane", "slice"), "z"),
    **dict.fromkeys(("t", "time", "tp", "timepoint", "day", "frame"), "t"),
    **dict.fromkeys(("plate", "pl"), "plate"),
    **dict.fromkeys(("r", "row"), "row"),
    **dict.fromkeys(("col", "column"), "col"),
}
_MOST_CHANNELS: Final = 8
_COMMON: Final = 0.8  # share of the names that have the same separators


class Template(NamedTuple):
    """A pattern and the names of its facts."""

    pattern: str
    names: tuple[str, ...]


class _Column(NamedTuple):
    """One place between separators, in all names."""

    values: list[str]
    distinct: list[str]


def template_of(paths: Sequence[str]) -> Template | None:
    """Return the pattern of most of these paths.

    None where their names have too little in common, or nothing in them tells wells, fields or channels.
    """
    stems = [path.rpartition("/")[2].rpartition(".")[0].removesuffix(".ome") for path in paths]
    signatures = [tuple(_SEPARATORS.findall(stem)) for stem in stems]
    signature, count = Counter(signatures).most_common(1)[0]
    if count < _COMMON * len(paths):
        return None
    rows = [_SEPARATORS.split(stem)[::2] for stem, found in zip(stems, signatures, strict=True) if found == signature]
    columns = [_Column(list(values), sorted({*values})) for values in zip(*rows, strict=True)]
    named = _named(columns)
    if not {"well", "row", "field", "channel", "plate"} & {name for name in named.values() if name}:
        return None
    text = _escaped(columns[0], named.get(0))
    for place, (separator, column) in enumerate(zip(signature, columns[1:], strict=True), 1):
        text += _literal(separator) + _escaped(column, named.get(place))
    text += _ending(paths)
    names = [name for name in named.values() if name]
    folder = _folder(paths, stems, names)
    return Template(f"{{{folder}}}/{text}" if folder else text, (*([folder] if folder else []), *names))


def _named(columns: Sequence[_Column]) -> dict[int, str]:
    """Return the fact that each place tells, by its looks."""
    named: dict[int, str] = {}
    varying = [place for place, column in enumerate(columns) if len(column.distinct) > 1]
    for place in varying:
        column = columns[place]
        prefixes = {match[1].lower() if (match := _PREFIXED.fullmatch(value)) else "" for value in column.distinct}
        wells = all(_WELL.fullmatch(value) and parse_well(value) for value in column.distinct)
        prefix = next(iter(prefixes)) if len(prefixes) == 1 else ""
        if wells and "well" not in named.values() and (len(prefixes) > 1 or prefix not in _MEANING):
            named[place] = "well"
        elif prefix in _MEANING and _MEANING[prefix] not in named.values():
            named[place] = _MEANING[prefix]
    rest = [place for place in varying if place not in named]
    for place in rest:
        if "channel" not in named.values() and _is_channel(columns, place, varying):
            named[place] = "channel"
        elif columns[place].distinct[0].isdecimal() and "field" not in named.values() and "well" in named.values():
            named[place] = "field"
        elif "plate" not in named.values() and "well" in named.values():
            named[place] = "plate"
        else:
            named[place] = f"part{place + 1}"
    return named


def _is_channel(columns: Sequence[_Column], place: int, varying: Sequence[int]) -> bool:
    """Return whether words repeat for nearly every field.

    Each of a few words comes once with everything else that the names say.
    """
    column = columns[place]
    words = len(column.distinct) <= _MOST_CHANNELS and not any(value.isdecimal() for value in column.distinct)
    others = [columns[other].values for other in varying if other != place]
    if not words or not others:
        return False
    fields = Counter(zip(*others, strict=True))
    whole = sum(count == len(column.distinct) for count in fields.values())
    if place != varying[-1] and not any(map(is_stain, column.distinct)):
        return False  # words before wells and fields are rather donors, plates, treatments
    return whole > _COMMON * len(fields)


def _escaped(column: _Column, name: str | None) -> str:
    """Return one place of the pattern: a literal or name.

    Letters before a number that all share stay outside of the name.
    """
    if name is None:
        return _literal(column.distinct[0])
    prefixes = {match[1] if (match := _PREFIXED.fullmatch(value)) else "" for value in column.distinct}
    prefix = next(iter(prefixes)) if len(prefixes) == 1 and name != "well" else ""
    return f"{_literal(prefix)}{{{name}}}"


def _literal(text: str) -> str:
    return text.replace("[", "[[").replace("]", "]]")


def _ending(paths: Sequence[str]) -> str:
    endings = Counter(
        ".ome.tif" if path.lower().endswith((".ome.tif", ".ome.tiff")) else f".{path.rpartition('.')[2].lower()}"
        for path in paths
    )
    most, count = endings.most_common(1)[0]
    if count == len(paths) and not most.startswith(".ome"):
        return most
    if all(path.lower().endswith((".tif", ".tiff")) for path in paths):
        return "[.ome].tif[f]"
    return ".*"


def _folder(paths: Sequence[str], stems: Sequence[str], names: Sequence[str]) -> str:
    """Return what the folder above the name tells, if anything.

    Folders that hold the same names are channels; others of wells are plates.
    """
    above = [path.split("/")[-2] if "/" in path else "" for path in paths]
    distinct = {*above}
    if "" in distinct:
        return ""
    if len(distinct) == 1:
        return "plate" if "well" in names and "plate" not in names else ""
    if "well" not in names and all(_WELL.fullmatch(name) for name in distinct):
        return "well"
    by_folder: Mapping[str, set[str]] = {
        name: {stem for stem, folder in zip(stems, above, strict=True) if folder == name} for name in distinct
    }
    shared = set.intersection(*by_folder.values())
    alike = len(shared) > _COMMON * max(map(len, by_folder.values()))
    words = not any(re.search(r"\d", name) for name in distinct)
    if "channel" not in names and len(distinct) <= _MOST_CHANNELS and alike and words:
        return "channel"
    return next(name for name in itertools.chain(("plate", "folder"), ("folder2",)) if name not in names)
