"""Tables that list images, or boxes in them.

Hugging Face metadata, CellProfiler LoadData, COCO, or a table of one's own.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
import pandas as pd

from builder.sources.base import Region
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.packed import plain_name
from builder.sources.declared.blocks import Block, parts, pieces, spans
from builder.sources.declared.coco import BOX, coco_rows, is_coco
from builder.sources.declared.columns import Column, Columns, column_filler
from builder.sources.declared.declaration import Listing
from builder.sources.declared.facts import Wells, is_literal, plain
from builder.sources.declared.paths import Paths
from builder.sources.declared.people_tables import grids, sniff, stripped, table_files

_ROWS: Final = 50_000  # at a time
_LOAD_DATA: Final = re.compile(r"(?:Image_)?(FileName|URL)_(.+)", re.IGNORECASE)
_OF_A_WELL: Final = ("well", "row", "col", "wellnumber")
_NO_CHANNEL: Final = re.compile(r"illum|mask|outline|objects", re.IGNORECASE)
_HUGGING_FACE: Final = re.compile(r"(?:(.+)_)?file_names?", re.IGNORECASE)
_SAME: Final = {
    "metadataplate": "plate", "metadataplateid": "plate", "imagemetadataplateid": "plate", "plateid": "plate",
    "assayplatebarcode": "plate", "metadatawell": "well", "metadatawellposition": "well", "wellposition": "well",
    "imagemetadatacpdwellposition": "well", "imagemetadatawell": "well", "metadatasite": "field",
    "imagemetadatasite": "field", "metadatarow": "row", "metadatacol": "col", "metadatacolumn": "col",
}  # fmt: skip


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
        self._own_names: dict[str, int] = {}  # of columns that are facts by another name
        self.files = table_files(folder, listing.file)
        self._columns: dict[str, str] = {}  # channel -> its column of paths, or a text with {columns}
        self.used: set[str] = set()

    def read(self) -> Iterator[Block]:
        """Yield rows whose files exist, in table order, noting others."""
        for path in self.files:
            beside = path[: path.rfind("/") + 1]
            for header, columns in self._tables(path):
                self._understand(path, header)
                if columns and len(columns[0]):
                    yield from self._rows(path, beside, [stripped(column) for column in columns])

    def _tables(self, path: str) -> Iterator[tuple[list[str], list[Sequence[object]]]]:
        """Yield header and columns, piece by piece."""
        name = plain_name(path).lower()
        if name.endswith(".json") and is_coco(content := self._folder.read_text(path)):
            if self._listing.boxes == "images" and not self._listing.box:
                self._listing = msgspec.structs.replace(self._listing, box=list(BOX), box_is="corner and size")
            header, rows = coco_rows(content, f"{self._folder.root}/{path}")
            yield from _turned(header, rows)
        elif name.endswith((".csv", ".tsv", ".txt")):
            yield from self._chunks(path)
        else:
            for grid in grids(self._folder, Listing(file=path, sheet=self._listing.sheet)):
                if grid.cells:
                    yield from _turned(grid.cells[0], grid.cells[1:])

    def _chunks(self, path: str) -> Iterator[tuple[list[str], list[Sequence[object]]]]:
        """Yield a table of any length piece by piece."""
        with self._folder.open(path) as file:
            head = file.read(1 << 16)
        encoding = self._listing.encoding or _encoding(self._folder, path, head)
        delimiter = self._listing.delimiter or sniff(head.decode(encoding, "replace").rpartition("\n")[0])
        with self._folder.open(path) as file:
            try:
                tables = pd.read_csv(
                    file, sep=delimiter, encoding=encoding, dtype=object, keep_default_na=False, na_filter=False,
                    chunksize=_ROWS, on_bad_lines="warn", engine="c", index_col=False,
                )  # fmt: skip
                while (piece := self._next(tables, path)) is not None:
                    columns: list[Sequence[object]] = [piece.iloc[:, n].tolist() for n in range(piece.shape[1])]
                    yield [str(name).strip() for name in piece.columns], columns
            except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
                raise LayoutError(f"{self._folder.root}/{path}: no table ({str(error).strip()})") from None

    def _next(self, tables: Iterator[pd.DataFrame], path: str) -> pd.DataFrame | None:
        """Return the next piece, noting rows that pandas skipped."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            piece = next(tables, None)
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
        self._own_names = {name: place for place, name in enumerate(names) if name not in facts}
        facts = (*facts, *self._own_names)  # Metadata_Site is the field, and has its own name too
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

    def _rows(self, path: str, beside: str, texts: list[Column]) -> Iterator[Block]:
        count = len(texts[0])
        facts = dict(zip(self._header, texts, strict=True))
        if self._placed:
            facts["well"] = self._wells_of(facts, count, path)
        facts |= {name: texts[place] for name, place in self._own_names.items()}
        columns = [facts[name] for name in self.facts]
        files = []
        for text in self._columns.values():
            place = self._place(text)
            files.append(column_filler(text)(facts, count) if place is None else texts[place])
        found = [self._paths.find_all(named, beside) for named in files]
        if any(None in paths for paths in found):
            self._note_missing(path, files, found)
        for paths in found:
            self.used.update(filter(None, paths))
        kept = [n for n, paths in enumerate(zip(*found, strict=True)) if any(paths)]
        regions: list[Region | None] | None = None
        if self._listing.box:
            boxes = self._regions(facts, kept, path)
            kept = [n for n in kept if n in boxes]
            regions = [boxes[n] for n in kept]
        whole = count == len(kept)
        columns = columns if whole else [[column[n] for n in kept] for column in columns]
        found = found if whole else [[column[n] for n in kept] for column in found]
        yield from _blocks(len(kept), columns, tuple(self._columns), found, regions)

    def _note_missing(self, path: str, files: list[Column], found: list[list[str | None]]) -> None:
        for said, there in zip(zip(*files, strict=True), zip(*found, strict=True), strict=True):
            lost = [named for named, file in zip(said, there, strict=True) if named and file is None]
            self._folder.notes.add_all("rows without a file", [f"{path}: {named}" for named in lost])

    def _place(self, text: str) -> int | None:
        """Return the column that a text names alone, or None."""
        name = plain(text)
        alone = "{" not in text and not is_literal(text) and self._header.count(name) == 1
        return self._header.index(name) if alone else None

    def _wells_of(self, facts: Columns, count: int, path: str) -> Column:
        """Return each row's well, '' where it cannot be read."""
        rows = list(zip(*[facts.get(name) or [""] * count for name in _OF_A_WELL], strict=True))
        for spelled in set(rows).difference(self._read_wells):
            self._read_wells[spelled] = self._wells.of(dict(zip(_OF_A_WELL, spelled, strict=True)))
        wells = [self._read_wells[spelled] for spelled in rows]
        if None in wells:
            wrong = [" ".join(spelled).strip() for spelled in rows if self._read_wells[spelled] is None]
            self._folder.notes.add_all("rows whose well cannot be read", [f"{path}: {said}" for said in wrong])
        return [well or "" for well in wells]

    def _regions(self, facts: Columns, rows: Sequence[int], path: str) -> dict[int, Region]:
        """Return the boxes of those rows that have one."""
        columns = [facts.get(plain(name)) for name in self._listing.box]
        first = next(iter(facts.values()))
        found = {}
        for n in rows:
            region = self._region(["" if column is None else column[n] for column in columns], path, first[n])
            if region is not None:
                found[n] = region
        return found

    def _region(self, texts: Sequence[str], path: str, said: str) -> Region | None:
        try:
            x, y, right, lower = (round(float(text.replace(",", "."))) for text in texts)
        except ValueError:
            self._folder.notes.add("boxes that are no numbers", f"{path}: {said}")
            return None
        if self._listing.box_is == "corner and size":
            right, lower = x + right, y + lower
        if right <= x or lower <= y or x < 0 or y < 0:
            self._folder.notes.add("boxes without an inside", f"{path}: {x} {y} {right} {lower}")
            return None
        return Region(x, right, y, lower)


def _blocks(
    count: int,
    facts: Sequence[Column],
    channels: tuple[str, ...],
    found: Sequence[Sequence[str | None]],
    regions: Sequence[Region | None] | None,
) -> Iterator[Block]:
    """Yield rows in blocks.

    Those that follow each other with the same channels lie together."""
    there = [[path is not None for path in paths] for paths in found]
    alike = spans(count, lambda n: [has[n] for has in there]) if any(False in has for has in there) else [(0, count)]
    for start, stop in alike:
        shown = [place for place, has in enumerate(there) if has[start : start + 1] == [True]]
        for part in parts(start, stop):
            paths = tuple([[path or "" for path in found[place][part]] for place in shown])
            yield Block(
                part.stop - part.start,
                tuple([column[part] for column in facts]),
                tuple([channels[place] for place in shown]),
                paths,
                None if regions is None else regions[part],
            )


def _turned(header: list[str], rows: Iterable[Sequence[object]]) -> Iterator[tuple[list[str], list[Sequence[object]]]]:
    """Yield rows as columns, piece by piece.

    The header comes alone where there are none."""
    yield header, []
    for some in pieces(rows, _ROWS):
        yield header, list(zip(*some, strict=True))


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
