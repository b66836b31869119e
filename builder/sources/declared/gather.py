"""Files gathered into fields.

Channels of one field belong together; of several planes, times and runs one is chosen.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from operator import itemgetter, ne
from typing import Any, Final, NamedTuple

from builder.sources.common.folder import Folder, LayoutError
from builder.sources.declared.blocks import Block, Field, blocks, pieces
from builder.sources.declared.choice import CHOSEN, PROJECTION, channel_key, choose
from builder.sources.declared.declaration import Files
from builder.sources.declared.facts import Wells, plain
from builder.sources.declared.fields import Choice, FieldFiles, Fields, File, Identity, chosen_of, one_by_one
from builder.sources.declared.image_files import DEFAULT, image_files
from builder.sources.declared.layouts import Layout
from builder.sources.declared.names import Names, Values
from builder.sources.declared.non_images import NonImages
from builder.sources.declared.templates import names_in

UNKNOWN_NAME: Final = "files without a known name"
UNREAD_WELL: Final = "files whose well cannot be read"
_LEFT_OUT: Final = ("",)
_new: Final = tuple.__new__  # half the time of a NamedTuple's own constructor
_REMEMBERED: Final = 1 << 14  # parts of names of which the channels are looked up quickly


_Part = Callable[[Values], Any]


class _Shape(NamedTuple):
    """Channels and choices that names of a field's files say.

    ``alike`` says that they have one choice and different channels.
    """

    channels: tuple[str, ...]
    choices: tuple[Choice, ...]
    alike: bool


class Gatherer:
    """Parses file names by layout and groups them into fields."""

    def __init__(self, folder: Folder, files: Files, layout: Layout) -> None:
        self._folder, self._keep, self._layout = folder, files.keep, layout
        self._suffixes = tuple(files.suffixes) or DEFAULT
        self._non_images = NonImages(files, layout)
        self._names = Names(layout)
        self._wells = Wells(files, layout.first_row)
        groups = [plain(name) for name in self._names.groups]
        self._groups = groups
        self._channel = [name for name in self._channel_names() if name in groups]
        rule = {"run": files.keep.run, "t": files.keep.t, "z": files.keep.z}
        self._chosen = [name for name in CHOSEN if name in groups and rule[name] != "all"]
        self._rule = rule
        t_parts = [plain(name) for name in layout.t_parts]
        aside = {*map(plain, layout.ignore), *self._channel_names(), *layout.projection_of, *t_parts}
        aside.add(plain(layout.t_of))
        placed = {"well", "row", "col", "wellnumber"}
        self._placed = bool(placed & set(groups))
        self._identity = [g for g in groups if g not in aside | placed and g not in self._chosen]
        self._identity.sort(key=lambda name: name != "plate")
        self._well_places = [place for place, name in enumerate(groups) if name in placed]
        self._wells_said: dict[Values, str | None] = {}
        self._plated = self._identity[:1] == ["plate"]
        well = ["well"] if self._placed else []
        made_t = ["t"] if t_parts else []
        cut = int(self._plated)
        self.facts: tuple[str, ...] = (*self._identity[:cut], *well, *self._identity[cut:], *made_t)
        self._t_parts = t_parts
        self._kept: dict[tuple[str, ...], bool] = {}

    def blocks(self) -> Iterator[Block]:
        """Yield the fields, plate by plate, in order.

        Raises
        ------
        LayoutError
            At the end, where there are files and no name fits, with three names and what was expected.
        """
        return self._gathered() if self._chosen or self._channel else blocks(self._alone(), len(self.facts))

    def _read(self) -> Iterator[tuple[list[str], list[Values]]]:
        """Yield files that the layout names, and their values.

        Raises
        ------
        LayoutError
            Where there is none, but files of other names.
        """
        fits = False
        unknown: list[str] = []
        for paths in self._non_images.left(image_files(self._folder, self._suffixes), self._folder.notes):
            values = self._names.read(paths)
            if None in values:
                lost = [path for path, of in zip(paths, values, strict=True) if of is None]
                self._folder.notes.add_all(UNKNOWN_NAME, lost)
                unknown += lost[: 3 - len(unknown)]
                paths = [path for path, of in zip(paths, values, strict=True) if of is not None]
            if paths:
                fits = True
                yield paths, [of for of in values if of is not None]
        if unknown and not fits:
            expected = self._layout.examples[0] if self._layout.examples else self._layout.regex
            raise LayoutError(
                f"{self._folder.root}: no file is named as {self._layout.title} ({expected}) says; "
                f"there are {', '.join(unknown)}"
            )

    def _alone(self) -> Iterator[Field]:
        """Yield files that are whole fields, plate by plate."""
        plates: dict[str, list[tuple[str, Identity]]] = {}
        plate = self.facts.index("plate") if "plate" in self.facts else None
        for paths, names in self._read():
            for path, identity in zip(paths, self._identities(names), strict=True):
                if identity is None:
                    self._folder.notes.add(UNREAD_WELL, path)
                else:
                    plates.setdefault("" if plate is None else identity[plate], []).append((path, identity))
        for name in sorted(plates):
            for path, identity in plates.pop(name):
                yield Field(identity, {"": path})

    def _gathered(self) -> Iterator[Block]:
        """Yield the fields of files that are channels, planes, times.

        Files that follow each other and are of one field are looked at together.
        """
        fields = Fields()
        shapes: dict[tuple[Any, ...], _Shape] = {}
        identity_of, file_of = self._parts()
        for paths, names in self._read():
            of_field, of_file = list(map(identity_of, names)), list(map(file_of, names))
            starts = [0, *compress(range(1, len(paths)), map(ne, of_field[1:], of_field))]
            stops = [*starts[1:], len(paths)]
            identities = self._identities([names[start] for start in starts])
            for identity, start, stop in zip(identities, starts, stops, strict=True):
                if identity is None:
                    self._folder.notes.add_all(UNREAD_WELL, paths[start:stop])
                    continue
                said = tuple(of_file[start:stop])
                shape = shapes.get(said)
                if shape is None:
                    if len(shapes) > _REMEMBERED:
                        shapes.clear()
                    shape = shapes[said] = self._shape(names[start:stop])
                if shape.alike:
                    fields.add(identity, _new(FieldFiles, (shape.choices[0], shape.channels, tuple(paths[start:stop]))))
                    continue
                for channel, choice, path in zip(shape.channels, shape.choices, paths[start:stop], strict=True):
                    if choice is _LEFT_OUT:
                        self._folder.notes.add("projections beside the planes, left out", path)
                    else:
                        fields.add_one(identity, File(channel, choice, path))
        for channels, alike in itertools.groupby(self._chosen_files(fields), key=itemgetter(1)):
            for some in pieces(alike):
                facts, _, files = zip(*some, strict=True)
                columns = tuple(zip(*facts, strict=True)), tuple(zip(*files, strict=True))
                yield Block(len(some), columns[0], channels, columns[1])

    def _chosen_files(self, fields: Fields) -> Iterator[tuple[Identity, tuple[str, ...], tuple[str, ...]]]:
        """Yield each field in order: channels and their files."""
        orders: dict[tuple[str, ...], tuple[str, ...]] = {}
        rules: dict[str, str | int] = {name: self._rule[name] for name in self._chosen}
        for identity, files in fields.taken():
            if isinstance(files, FieldFiles) and self._keeps(files.choice):
                channels = files.channels
                ordered = orders.get(channels)
                if ordered is None:
                    ordered = orders[channels] = tuple(sorted(channels))
                if ordered == channels:
                    yield identity, ordered, files.paths
                    continue
                chosen = dict(sorted(zip(channels, files.paths, strict=True)))
            else:
                apart = one_by_one(files) if isinstance(files, FieldFiles) else files
                chosen = chosen_of(apart, rules, self._folder.notes)
            yield identity, tuple(chosen), tuple(chosen.values())

    def _parts(self) -> tuple[_Part, _Part]:
        """Return what takes two parts of values.

        They tell the field; and the channel, run, time and plane.
        """
        of_channel = set(self._channel_names())
        projection = {plain(name) for name in self._layout.projection_of}
        of_choice = {*self._chosen, *projection, *(["z"] if "z" in self._groups else [])}
        ignored = {*map(plain, self._layout.ignore)}
        places: list[list[int]] = [[], []]
        for place, name in enumerate(self._groups):
            if name in of_channel | of_choice:
                places[1].append(place)
            if name not in of_channel | ignored and (name not in of_choice or name in self._identity):
                places[0].append(place)
        first, second = (itemgetter(*some) if some else (lambda _: ()) for some in places)
        return first, second

    def _facts(self, values: Values) -> dict[str, str | None]:
        return dict(zip(self._groups, values, strict=True))

    def _shape(self, names: Sequence[Values]) -> _Shape:
        """Return what names of a field's files say."""
        facts = list(map(self._facts, names))
        channels, choices = tuple(map(self._channel_of, facts)), tuple(map(self._choice_of, facts))
        alike = len({*choices}) == 1 and choices[0] is not _LEFT_OUT and len({*channels}) == len(channels)
        return _Shape(channels, choices, alike)

    def _identities(self, names: Sequence[Values]) -> list[Identity | None]:
        """Return the facts of fields; None for an unreadable well."""
        if not names:
            return []
        columns = dict(zip(self._groups, zip(*names, strict=True), strict=True))
        blank: Sequence[None] = [None] * len(names)
        found = [[sys.intern(value or "") for value in columns[name]] for name in self._identity]
        if self._layout.t_of and "t" in self._identity:
            others = columns.get(plain(self._layout.t_of), blank)
            rows = zip(columns["t"], others, strict=True)
            found[self._identity.index("t")] = [sys.intern(t or other or "") for t, other in rows]
        wells: list[str | None] = []
        if self._placed:
            wells = self._read_wells([columns[self._groups[place]] for place in self._well_places])
            found.insert(int(self._plated), [well or "" for well in wells])
        if self._t_parts:
            parts = zip(*[columns[name] for name in self._t_parts], strict=True)
            found.append(["".join([value or "" for value in values]) for values in parts])
        identities: list[Identity | None] = list(zip(*found, strict=True)) if found else [()] * len(names)
        if None in wells:
            return [of if well is not None else None for of, well in zip(identities, wells, strict=True)]
        return identities

    def _read_wells(self, columns: Sequence[Sequence[str | None]]) -> list[str | None]:
        """Return the wells that names say, each looked up once."""
        rows = list(zip(*columns, strict=True))
        places = [self._groups[place] for place in self._well_places]
        for said in {*rows} - self._wells_said.keys():
            self._wells_said[said] = self._wells.of(dict(zip(places, said, strict=True)))
        return [self._wells_said[said] for said in rows]

    def _choice_of(self, facts: dict[str, str | None]) -> tuple[str, ...]:
        """Return a file's run, time and plane, where chosen."""
        chosen = tuple([(facts.get(name) or "") if name in self._chosen else "" for name in CHOSEN])
        if self._is_projection(facts):
            return _LEFT_OUT if self._rule["z"] == "all" else (*chosen[:2], PROJECTION)
        return chosen

    def _keeps(self, choice: tuple[str, ...]) -> bool:
        """Return whether a file alone would be chosen."""
        found = self._kept.get(choice)
        if found is None:
            found = self._kept[choice] = all(
                choose((choice[place],), self._rule[name]) == choice[place]
                for place, name in enumerate(CHOSEN)
                if name in self._chosen
            )
        return found

    def _is_projection(self, facts: dict[str, str | None]) -> bool:
        if "z" in self._groups and (facts["z"] or "") in self._layout.projection:
            return True
        of = self._layout.projection_of
        return any((facts.get(plain(name)) or "").casefold() == value.casefold() for name, value in of.items())

    def _channel_names(self) -> list[str]:
        return [plain(name) for name in names_in(self._layout.channel)] or ["channel"]

    def _channel_of(self, facts: dict[str, str | None]) -> str:
        if not self._channel:
            return ""
        if not self._layout.channel:
            return channel_key(facts["channel"] or "")
        text = self._layout.channel
        for name in names_in(text):
            text = text.replace(f"{{{name}}}", facts[plain(name)] or "")
        return channel_key(text.replace("A0", "A").replace("C0", "C"))
