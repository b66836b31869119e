"""Image facts converted into categories, control, specimen and batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from builder.schema import CATEGORIES, CONTROLS
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.screens import control_of
from builder.sources.declared.declaration import COLUMNS, Declaration, ExtraColumn, extras_of
from builder.sources.declared.facts import Facts, Made, Wells, fill, filler, plain, used
from builder.sources.declared.joins import Join

_TEXTS: Final = (*CATEGORIES, "microscopy")
_NUMBERS: Final = ("z", "pixel_size_um")
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_OF_A_FIELD: Final = frozenset(("field", "t", "z", "run"))


class Said(NamedTuple):
    """What is said of an image.

    ``left_out`` is why it is none, ``notes`` is what did not fit. ``made`` holds what was made of it.
    """

    made: dict[Any, Any]
    left_out: str = ""
    notes: tuple[str, ...] = ()
    columns: Mapping[str, Any] = {}
    group: str = ""
    batch: str | None = None
    facts: Mapping[str, str] = {}


def _at(places: Sequence[int]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Return a function that takes these places of a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    if not places:
        return lambda _: ()
    (only,) = places
    return lambda facts: (facts[only],)


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
        wanted |= {*self._made.names(), *(plain(fact) for join in self._joins for fact in join.on)}
        self._places = [place for place, name in enumerate(known) if name in wanted]
        self._wanted, self._names = _at(self._places), [known[place] for place in self._places]
        self._looked_up = [(column, filler(source)) for column, source in self._sources.items()]
        self._fill_group, self._fill_batch = filler(self._group), filler(self._batch)
        if not declared.key:  # which may name any fact
            for join in self._joins:
                join.take_only(wanted)
        self._values: dict[tuple[str, str], Any] = {}
        self._cache: dict[tuple[str, ...], Said] = {}

    def say(self, facts: tuple[str, ...]) -> Said:
        """Return the annotation for facts in the order of ``known``."""
        wanted = self._wanted(facts)
        said = self._cache.get(wanted)
        if said is None:
            if len(self._cache) > 1 << 17:
                self._cache.clear()
            said = self._cache[wanted] = self._say(dict(zip(self._names, wanted, strict=True)))
        return said

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

    def _say(self, facts: Facts) -> Said:
        notes = []
        self._made.add(facts)
        for join in self._joins:
            why = join.add(facts)
            if why and (join.required or "leaves out" in why):
                return Said({}, why)
            if why:
                notes.append(why)
            self._made.add(facts)
        said: dict[str, Any] = {}
        for column, filled in self._looked_up:
            if (text := filled(facts)) and (value := self._value_of(column, text)) is not None:
                said[column] = value
        if self._extras:
            said["extra"] = {name: self._typed(name, extra, facts) for name, extra in self._extras.items()}
        return Said(
            {},
            notes=tuple(notes),
            columns=said,
            group=self._fill_group(facts).strip("_") if self._group else "",
            batch=(self._fill_batch(facts) or None) if self._batch else None,
            facts=self._told(facts) if self._declared.key else {},
        )

    @staticmethod
    def _told(facts: Facts) -> Facts:
        return {name: value for name, value in facts.items() if value and name[0] != "\0"}

    def _value_of(self, column: str, text: str) -> Any:
        """Return a text's value in a column, remembered."""
        if column in _NUMBERS:  # what is none is noted each time
            return self._value(column, text)
        try:
            return self._values[column, text]
        except KeyError:
            if len(self._values) > 1 << 17:
                self._values.clear()
            return self._values.setdefault((column, text), self._value(column, text))

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

    def _typed(self, name: str, extra: ExtraColumn, facts: Facts) -> Any:
        text = fill(extra.source, facts).strip()
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
