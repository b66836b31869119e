"""Tables that list images, or boxes in them.

Hugging Face metadata, CellProfiler LoadData, COCO, or a table of one's own.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import pandas as pd

from builder.sources.base import Region
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.packed import plain_name
from builder.sources.declared.coco import BOX, coco_rows, is_coco
from builder.sources.declared.declaration import Listing
from builder.sources.declared.facts import Wells, fill, is_literal, plain
from builder.sources.declared.paths import Paths
from builder.sources.declared.people_tables import grids, sniff, table_files

_ROWS: Final = 50_000  # at a time
_LOAD_DATA: Final = re.compile(r"(?:Image_)?(FileName|URL)_(.+)", re.IGNORECASE)
_new: Final = tuple.__new__  # half the time of a NamedTuple's own constructor
_OF_A_WELL: Final = ("well", "row", "col", "wellnumber")
_NO_CHANNEL: Final = re.compile(r"illum|mask|outline|objects", re.IGNORECASE)
_HUGGING_FACE: Final = re.compile(r"(?:(.+)_)?file_names?", re.IGNORECASE)
_SAME: Final = {
    "metadataplate": "plate", "metadataplateid": "plate", "imagemetadataplateid": "plate", "plateid": "plate",
    "assayplatebarcode": "plate", "metadatawell": "well", "metadatawellposition": "well", "wellposition": "well",
    "imagemetadatacpdwellposition": "well", "imagemetadatawell": "well", "metadatasite": "field",
    "imagemetadatasite": "field", "metadatarow": "row", "metadatacol": "col", "metadatacolumn": "col",
}  # fmt: skip


class Row(NamedTuple):
    """What a row says: facts, files and box.

    Facts are in the order of ``Lists.facts``, files by channel.
    """

    facts: tuple[str, ...]
    files: dict[str, str]
    region: Region | None


class Lists:
    """Reads the declared list.

    ``facts`` are the plain names of its columns, known once the first row is read.
    """

    def __init__(self, folder: Folder, listing: Listing, wells: Wells) -> None:
        self._folder, self._listing, self._wells = folder, listing, wells
        self._placed = False
        self._read_wells: dict[tuple[str, ...], str | None] = {}
        self._paths = Paths(folder)
        self.facts: tuple[str, ...] = ()
        self._header: tuple[str, ...] = ()
        self.files = table_files(folder, listing.file)
        self._columns: dict[str, str] = {}  # channel -> its column of paths, or a text with {columns}
        self.used: set[str] = set()

    def read(self) -> Iterator[Row]:
        """Yield rows whose files exist, in table order, noting others."""
        for path in self.files:
            beside = path[: path.rfind("/") + 1]
            for header, rows in self._tables(path):
                self._understand(path, header)
                yield from self._rows(path, beside, rows)

    def _tables(self, path: str) -> Iterator[tuple[list[str], Iterable[Sequence[str]]]]:
        name = plain_name(path).lower()
        if name.endswith(".json") and is_coco(content := self._folder.read_text(path)):
            if self._listing.boxes == "images" and not self._listing.box:
                self._listing = msgspec.structs.replace(self._listing, box=list(BOX), box_is="corner and size")
            yield coco_rows(content, f"{self._folder.root}/{path}")
        elif name.endswith((".csv", ".tsv", ".txt")):
            yield from self._chunks(path)
        else:
            for grid in grids(self._folder, Listing(file=path, sheet=self._listing.sheet)):
                if grid.cells:
                    yield grid.cells[0], grid.cells[1:]

    def _chunks(self, path: str) -> Iterator[tuple[list[str], Iterable[Sequence[str]]]]:
        """Yield a table of any length piece by piece."""
        with self._folder.open(path) as file:
            head = file.read(1 << 16)
        encoding = self._listing.encoding or _encoding(self._folder, path, head)
        delimiter = self._listing.delimiter or sniff(head.decode(encoding, "replace").rpartition("\n")[0])
        with self._folder.open(path) as file:
            try:
                pieces = pd.read_csv(
                    file, sep=delimiter, encoding=encoding, dtype=str, keep_default_na=False, na_filter=False,
                    chunksize=_ROWS, on_bad_lines="warn", engine="c", index_col=False,
                )  # fmt: skip
                while (piece := self._next(pieces, path)) is not None:
                    yield [str(name).strip() for name in piece.columns], piece.to_numpy().tolist()
            except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
                raise LayoutError(f"{self._folder.root}/{path}: no table ({str(error).strip()})") from None

    def _next(self, pieces: Iterator[pd.DataFrame], path: str) -> pd.DataFrame | None:
        """Return the next piece, noting rows that pandas skipped."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            piece = next(pieces, None)
        for warning in caught:
            for line in str(warning.message).splitlines():
                if line.strip():
                    self._folder.notes.add("malformed rows", f"{path}: {line.strip()}")
        return piece

    def _understand(self, path: str, header: Sequence[str]) -> None:
        """Find the columns of paths, once.

        A second piece or table has to have the same columns.
        """
        names = [plain(name) for name in header]
        facts = tuple(_SAME.get(name, name) if _SAME.get(name, name) not in names else name for name in names)
        self._header = facts
        self._placed = not {"well", "wellnumber"}.isdisjoint(facts) or {"row", "col"} <= set(facts)
        facts = (*facts, "well") if self._placed and "well" not in facts else facts
        if self.facts:
            if facts != self.facts:
                raise LayoutError(f"{self._folder.root}/{path}: not the columns of {self.files[0]}")
            return
        self.facts = facts
        listing = self._listing
        if listing.channels:
            self._columns = dict(listing.channels)
        elif listing.paths:
            self._columns = {"": listing.paths}
        else:
            self._columns = dict(guessed_paths(header))
        wanted = [plain(name) for text in self._columns.values() for name in re.findall(r"\{(.+?)\}", text) or [text]]
        missing = [name for name in (*wanted, *map(plain, listing.box)) if name not in names and name not in facts]
        if missing or not self._columns:
            what = f"no column {missing[0]}" if missing else "no column of paths (file_name, FileName_DNA, …)"
            raise LayoutError(
                f"{self._folder.root}/{path}: {what}; found {', '.join(header)}. "
                "Name it with list.paths or list.channels"
            )

    def _rows(self, path: str, beside: str, rows: Iterable[Sequence[str]]) -> Iterator[Row]:
        notes = self._folder.notes
        boxed = bool(self._listing.box)
        places = {channel: self._place(text) for channel, text in self._columns.items()}
        named_facts = self._placed or boxed or None in places.values()
        if not named_facts and len(places) == 1:
            yield from self._files(path, beside, rows, *places.popitem())
            return
        for cells in rows:
            texts = _texts(cells)
            facts = dict(zip(self._header, texts, strict=True)) if named_facts else {}
            if self._placed:
                facts["well"] = self._well(facts, path)
            files = {}
            for channel, text in self._columns.items():
                place = places[channel]
                named = fill(text, facts) if place is None else texts[place]
                found = self._paths.find(named, beside) if named else None
                if found is not None:
                    files[channel] = found
                elif named:
                    notes.add("rows without a file", f"{path}: {named}")
            if not files:
                continue
            self.used.update(files.values())
            region = self._region(facts, path) if boxed else None
            if boxed and region is None:
                continue
            yield Row(tuple(facts.values()) if facts else tuple(texts), files, region)

    def _files(
        self, path: str, beside: str, rows: Iterable[Sequence[str]], channel: str, place: int | None
    ) -> Iterator[Row]:
        """Yield rows with one column of paths, and facts."""
        find = self._paths.find
        for cells in rows:
            texts = _texts(cells)
            named = texts[place or 0]
            found = find(named, beside) if named else None
            if found is not None:
                self.used.add(found)
                yield _new(Row, (tuple(texts), {channel: found}, None))
            elif named:
                self._folder.notes.add("rows without a file", f"{path}: {named}")

    def _place(self, text: str) -> int | None:
        """Return the column that a text names alone, or None."""
        name = plain(text)
        alone = "{" not in text and not is_literal(text) and self._header.count(name) == 1
        return self._header.index(name) if alone else None

    def _well(self, facts: Mapping[str, str], path: str) -> str:
        spelled = tuple([facts.get(name, "") for name in _OF_A_WELL])
        if spelled not in self._read_wells:
            self._read_wells[spelled] = self._wells.of(facts)
        well = self._read_wells[spelled]
        if well is None:
            said = " ".join(spelled).strip()
            self._folder.notes.add("rows whose well cannot be read", f"{path}: {said}")
        return well or ""

    def _region(self, facts: Mapping[str, str], path: str) -> Region | None:
        if not self._listing.box:
            return None
        try:
            x, y, right, lower = (round(float(facts[plain(name)].replace(",", "."))) for name in self._listing.box)
        except (ValueError, KeyError):
            self._folder.notes.add("boxes that are no numbers", f"{path}: {next(iter(facts.values()))}")
            return None
        if self._listing.box_is == "corner and size":
            right, lower = x + right, y + lower
        if right <= x or lower <= y or x < 0 or y < 0:
            self._folder.notes.add("boxes without an inside", f"{path}: {x} {y} {right} {lower}")
            return None
        return Region(x, right, y, lower)


def _texts(cells: Sequence[object]) -> list[str]:
    """Return a row's cells; those that it lacks are ''."""
    try:
        return [cell.strip() for cell in cells]  # type: ignore[attr-defined]
    except AttributeError:  # a row with too few cells
        return [cell.strip() if isinstance(cell, str) else "" for cell in cells]


def _encoding(folder: Folder, path: str, head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8-sig")
    except UnicodeDecodeError:
        folder.notes.add("tables that are not UTF-8, read as Latin-1", path)
        return "latin-1"
    return "utf-8-sig"


def guessed_paths(header: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield channel and path by CellProfiler or Hugging Face conventions."""
    found = {match[2]: (name, match[1]) for name in header if (match := _LOAD_DATA.fullmatch(name))}
    channels = {channel: named for channel, named in found.items() if not _NO_CHANNEL.search(channel)}
    for channel, (name, kind) in channels.items():
        folders = [n for n in header if n.lower() == name.lower().replace("filename_", "pathname_") and n != name]
        yield channel, f"{{{folders[0]}}}/{{{name}}}" if folders and kind.lower() == "filename" else name
    if not channels:
        named = {match[1] or "": name for name in header if (match := _HUGGING_FACE.fullmatch(name))}
        yield from [("", named[""])] if "" in named else named.items()
