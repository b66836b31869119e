"""Selection of the files of a source to fetch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from builder.errors import UserError
from builder.sources.base import Source

_TABLES: Final = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".json", ".csv.gz", ".tsv.gz", ".csv.zip", ".txt.gz")
_PLATE: Final = re.compile(r"[-+]?\d{3,}")
_KAGGLE: Final = re.compile(r"/(?:c|competitions|datasets)/([^?]+?)(?:/data)?(?:\?select=(.+))?$")


class Wanted(NamedTuple):
    """A file to fetch into a source's folder."""

    dir_name: str
    url: str
    name: str
    size: int | None  # as the source states it, which may be rounded
    sha256: str = ""  # '' where none is published
    table: bool = False


def wanted_files(source: Source, only_metadata: bool = False, plates: int | None = None) -> list[Wanted]:
    """Return a source's files at stable URLs.

    Parameters
    ----------
    only_metadata : tables, and archives of tables, alone
    plates : archives of so many plates, the first by name, beside the tables

    Raises
    ------
    UserError
        Where a source's images cannot be divided by plates.
    """
    found = []
    for download in source.downloads:
        if _is_manual(download.url):
            continue
        name = unquote(urlsplit(download.url).path.rpartition("/")[2])
        table = name.lower().endswith(_TABLES) or "metadata" in name.lower()
        found.append(Wanted(source.dir_name, download.url, name, download.size, download.sha256, table))
    if only_metadata:
        return [one for one in found if one.table]
    return found if plates is None else _of_plates(source, found, plates)


def _of_plates(source: Source, found: Sequence[Wanted], plates: int) -> list[Wanted]:
    plate_of = {one.name: match[-1] for one in found if not one.table and (match := _PLATE.findall(_stem(one.name)))}
    names = sorted({*plate_of.values()})
    if len(names) < 2:
        raise UserError(f"{source.dir_name} has no archive a plate: --plates cannot take a part of it")
    chosen = {*names[:plates]}
    return [one for one in found if one.table or plate_of.get(one.name) in chosen]


def _stem(name: str) -> str:
    """Return a name without the set's own number."""
    return re.sub(r"^(?:bbbc|idr)\d+_?", "", name.partition(".")[0], flags=re.IGNORECASE)


def _is_manual(url: str) -> bool:
    parts = urlsplit(url)
    return parts.netloc.endswith("kaggle.com") or parts.path.endswith("/") or "." not in parts.path.rpartition("/")[2]


def commands_for(source: Source, data: str) -> list[str]:
    """Return commands for files behind a login or tool."""
    lines: dict[str, None] = {}
    for download in source.downloads:
        if _is_manual(download.url):
            lines |= dict.fromkeys(_commands(download.url, f"{data.rstrip('/')}/{source.dir_name}"))
    return list(lines)


def _commands(url: str, folder: str) -> Iterable[str]:
    parts = urlsplit(url)
    if parts.netloc.endswith("kaggle.com"):
        match = _KAGGLE.search(url.partition("kaggle.com")[2])
        kind = "datasets" if "/datasets/" in url else "competitions"
        name = match[1] if match else parts.path.strip("/")
        option = "-d" if kind == "datasets" else "-c"
        one = f" -f {match[2]}" if match and match[2] else ""
        yield "pip install kaggle      # and an API token, https://www.kaggle.com/docs/api"
        yield f"kaggle {kind} download {option} {name}{one} -p {folder}"
    elif parts.path.endswith("/"):
        depth = parts.path.strip("/").count("/") + 1
        options = f"--recursive --continue --no-parent --no-host-directories --cut-dirs={depth}"
        yield f"wget {options} --directory-prefix={folder} {url}"
    else:
        yield f"# {url} has no file of its own: fetch by hand what its page offers, into {folder}"
