"""Image facts converted into categories, control, specimen and batch."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple

from builder.schema import CONTROLS
from builder.sources.base import Image
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.screens import control_of
from builder.sources.declared.blocks import Block
from builder.sources.declared.columns import Column, Columns, Made, column_filler, facts_by_image
from builder.sources.declared.declaration import COLUMNS, Declaration, ExtraColumn, extras_of
from builder.sources.declared.facts import Wells, plain, used
from builder.sources.declared.joins import Join

_new: Final = tuple.__new__  # half the time of a NamedTuple's own constructor
_NUMBERS: Final = ("z", "pixel_size_um")
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_OF_A_FIELD: Final = frozenset(("field", "t", "z", "run"))


_REMEMBERED: Final = 1 << 16
"""Annotations, and texts of a column, that are looked up once."""
ANNOTATION_FIELDS: Final = Image._fields[3:]
"""The columns of an image that facts tell of, and those that are theirs by default."""
_DEFAULTS: Final = Image._field_defaults


class Annotations(NamedTuple):
    """What is said of an image.

    ``left_out`` is why it is none, ``notes`` is what did not fit; ``columns`` are those of ``ANNOTATION_FIELDS``, and
    ``facts`` what is known, where a key is made of it.
    """

    left_out: str = ""
    notes: tuple[str, ...] = ()
    columns: tuple[Any, ...] = ()
    group: str = ""
    facts: Mapping[str, str] = {}


class Annotator:
    """Annotates an image from the facts of its path.

    Images of which the same facts matter are looked up once.

    Parameters
    ----------
    known : plain names of the facts of a path or row, in their order
    one_file : an image is a file of its own, and its specimen too, where no well and nothing declared says otherwise

    Raises
    ------
    LayoutError
        Where a name that the declaration uses is no fact of paths or tables.
    """

    def __init__(
        self,
        folder: Folder,
        declared: Declaration,
        known: tuple[str, ...],
        first_row: int = 1,
        one_file: bool = False,
    ) -> None:
        self._declared, self._known, self._notes = declared, known, folder.notes
        self._made = Made(declared.facts)
        names = {*known, *map(plain, declared.facts)}
        self._joins: list[Join] = []
        wells = Wells(declared.files, first_row)
        for table in declared.tables:
            self._joins.append(Join(folder, table, wells, names))
            names |= {*self._joins[-1].names()}
        self._sources = self._mapped(names)
        self._extras = extras_of(declared)
        asked = [*self._sources.values(), *(extra.source for extra in self._extras.values())]
        asked += [declared.group, declared.batch]
        self._check([text for text in asked if text], names)
        self._group = declared.group or self._default_group(one_file)
        self._batch = declared.batch or ("{plate}" if "plate" in names else "")
        wanted = {name for text in (*asked, self._group, self._batch) for name in used(text) if text}
        wanted |= {"well", *self._made.names(), *(plain(fact) for join in self._joins for fact in join.on)}
        self._places = [place for place, name in enumerate(known) if name in wanted]
        self._names = [known[place] for place in self._places]
        self._looked_up = [(column, column_filler(source)) for column, source in self._sources.items()]
        self._typed_up = [(name, extra, column_filler(extra.source)) for name, extra in self._extras.items()]
        self._fill_group, self._fill_batch = column_filler(self._group), column_filler(self._batch)
        if not declared.key:  # which may name any fact
            for join in self._joins:
                join.take_only(wanted)
        self._values: dict[str, dict[str, Any]] = {column: {"": None} for column in self._sources}
        self._cache: dict[tuple[str, ...], Annotations] = {}

    def annotate(self, block: Block) -> list[Annotations]:
        """Return the annotations of a block's fields.

        Their facts are in the order of ``known``."""
        columns = [block.facts[place] for place in self._places]
        wanted: list[tuple[str, ...]] = list(zip(*columns, strict=True)) if columns else [()] * block.size
        new = [facts for facts in dict.fromkeys(wanted) if facts not in self._cache]
        if new:
            if len(self._cache) > _REMEMBERED:
                self._cache.clear()
                new = list(dict.fromkeys(wanted))
            self._cache.update(zip(new, self._annotate_rows(new), strict=True))
        return list(map(self._cache.__getitem__, wanted))

    def finish(self) -> None:
        """Note table rows that matched no image; see ``Join.finish``."""
        for join in self._joins:
            join.finish()

    def _mapped(self, names: Collection[str]) -> dict[str, str]:
        """Return the fact that gives each column.

        It is the declared one, or the fact of the same name.
        """
        found = dict(self._declared.columns)
        for column in COLUMNS:
            if column not in found and plain(column) in names and column not in ("z", "timepoint"):
                found[column] = column
        keep = self._declared.files.keep
        if "t" in self._known and keep.t == "all":
            found.setdefault("timepoint", "t")
        if "z" in self._known and keep.z == "all":
            found.setdefault("z", "z")
        return found

    def _default_group(self, one_file: bool) -> str:
        """Return what tells specimens apart.

        It is the well, or all of a name but field, plane and time; '' stands for the file.
        """
        if "well" in self._known:
            return "{plate}_{well}" if "plate" in self._known else "well"
        if one_file:
            return ""
        apart = [name for name in self._known if name not in _OF_A_FIELD]
        return "_".join(f"{{{name}}}" for name in apart)

    def _check(self, texts: Collection[str], names: Collection[str]) -> None:
        for text in texts:
            for name in used(text):
                if name not in names:
                    raise LayoutError(
                        f"source.toml: {text!r} names no fact of images; known are {', '.join(sorted(names))}"
                    )

    def _annotate_rows(self, rows: Sequence[tuple[str, ...]]) -> list[Annotations]:
        """Return what is said of images with these facts."""
        facts: Columns = dict(zip(self._names, map(list[str], zip(*rows, strict=True)), strict=True))
        wells, places = facts.get("well"), list(range(len(rows)))
        said = [Annotations()] * len(rows)
        notes: dict[int, tuple[str, ...]] = {}
        self._made.add(facts, len(rows))
        for join in self._joins:
            wrong = {places[n]: why for n, why in join.add(facts, len(places)).items()}
            out = {place for place, why in wrong.items() if join.required or "leaves out" in why}
            for place, why in wrong.items():
                if place in out:
                    said[place] = Annotations(why)
                else:
                    notes[place] = (*notes.get(place, ()), why)
            if out:
                kept = [n for n, place in enumerate(places) if place not in out]
                places = [places[n] for n in kept]
                facts = {name: [values[n] for n in kept] for name, values in facts.items()}
            self._made.add(facts, len(places))
        own = None if wells is None else [wells[place] or None for place in places]
        noted = [notes.get(place, ()) for place in places] if notes else [()] * len(places)
        found = self._from_facts(facts, own, noted)
        if len(found) == len(rows):
            return found
        for place, one in zip(places, found, strict=True):
            said[place] = one
        return said

    def _from_facts(
        self, facts: Columns, wells: Sequence[str | None] | None, notes: Sequence[tuple[str, ...]]
    ) -> list[Annotations]:
        """Return what the facts say.

        ``wells`` are those of names and lists.
        """
        count = len(notes)
        columns: dict[str, Sequence[Any]] = {}
        for column, filled in self._looked_up:
            columns[column] = self._values_of(column, filled(facts, count))
        if self._typed_up:
            typed = [self._typed(name, extra, filled(facts, count)) for name, extra, filled in self._typed_up]
            columns["extra"] = [dict(zip(self._extras, row, strict=True)) for row in zip(*typed, strict=True)]
        if wells is not None:
            columns["well"] = wells
        batches = self._fill_batch(facts, count) if self._batch else [""] * count
        columns["batch"] = [batch or None for batch in batches]
        groups = self._fill_group(facts, count) if self._group else [""] * count
        rows = zip(*[columns.get(name) or [_DEFAULTS[name]] * count for name in ANNOTATION_FIELDS], strict=True)
        known = facts_by_image(facts, count) if self._declared.key else [{}] * count
        groups = [group.strip("_") for group in groups]
        return list(map(_new, repeat(Annotations), zip(repeat(""), notes, rows, groups, known, strict=False)))

    def _values_of(self, column: str, texts: Column) -> list[Any]:
        """Return the values of texts in a column, remembered."""
        if column in _NUMBERS:  # what is none is noted each time
            return [self._value(column, text) if text else None for text in texts]
        known = self._values[column]
        if len(known) > _REMEMBERED:
            known.clear()
            known[""] = None
        for text in set(texts).difference(known):
            known[text] = self._value(column, text)
        return list(map(known.__getitem__, texts))

    def _value(self, column: str, text: str) -> Any:
        renamed = self._declared.values.get(column, {})
        text = renamed.get(text, text).strip()
        if not text:
            return None
        if column == "control":
            return text.lower() if text.lower() in CONTROLS else control_of(text.replace("_", " "))
        if column in _NUMBERS:
            return self._number(column, text, int if column == "z" else float)
        return text

    def _typed(self, name: str, extra: ExtraColumn, texts: Column) -> list[Any]:
        return [self._typed_value(name, extra, text.strip()) for text in texts]

    def _typed_value(self, name: str, extra: ExtraColumn, text: str) -> Any:
        if not text or extra.type == "text":
            return text or None
        if extra.type == "boolean":
            if text.lower() in _BOOLEANS:
                return _BOOLEANS[text.lower()]
            self._notes.add(f"values of {name} that are neither true nor false", text)
            return None
        return self._number(name, text, int if extra.type == "integer" else float)

    def _number(self, name: str, text: str, kind: type[int] | type[float]) -> int | float | None:
        try:
            number = float(text)
            if not math.isfinite(number):
                return None
            return int(number) if kind is int and number.is_integer() else number if kind is float else int(text)
        except (ValueError, OverflowError):
            self._notes.add(f"values of {name} that are no numbers", text)
            return None
