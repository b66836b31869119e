"""Files gathered into fields.

Channels of one field belong together; of several planes, times and runs one is chosen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from builder.sources.common.folder import Folder, LayoutError
from builder.sources.declared.choice import CHOSEN, PROJECTION, channel_key, choose
from builder.sources.declared.declaration import Files
from builder.sources.declared.facts import Wells, plain
from builder.sources.declared.image_files import DEFAULT, image_files
from builder.sources.declared.layouts import Layout
from builder.sources.declared.names import Names, Values
from builder.sources.declared.non_images import NonImages
from builder.sources.declared.templates import names_in

UNKNOWN_NAME: Final = "files without a known name"
_LEFT_OUT: Final = ("",)
_REMEMBERED: Final = 1 << 14  # parts of names of which the field is looked up quickly


_Part = Callable[[Values], Any]


class Found(NamedTuple):
    """A field: its facts and its files by channel.

    Facts are in the order of ``Gatherer.facts``; the channel is '' where there is just one.
    """

    facts: tuple[str, ...]
    files: dict[str, str]


class _File(NamedTuple):
    channel: str
    chosen: tuple[str, ...]  # run, t and z, '' for those that are part of the identity
    path: str


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
        self._identity_places = [groups.index(name) for name in self._identity]
        self._well_places = [place for place, name in enumerate(groups) if name in placed]
        self._wells_said: dict[Values, str | None] = {}
        self._plated = self._identity[:1] == ["plate"]
        well = ["well"] if self._placed else []
        made_t = ["t"] if t_parts else []
        cut = int(self._plated)
        self.facts: tuple[str, ...] = (*self._identity[:cut], *well, *self._identity[cut:], *made_t)
        self._t_parts = t_parts
        self._kept: dict[tuple[str, ...], bool] = {}

    def fields(self) -> Iterator[Found]:
        """Yield the fields, plate by plate, in order.

        Raises
        ------
        LayoutError
            At the end, where there are files and no name fits, with three names and what was expected.
        """
        yield from self._gathered([]) if self._chosen or self._channel else self._alone([])

    def _read(self, unknown: list[str]) -> Iterator[tuple[str, Values]]:
        """Yield each file that the layout names, and its values.

        Raises
        ------
        LayoutError
            Where there is none, but files of other names; the first three of these go to ``unknown``.
        """
        fits = False
        for path, values in self._names.matched(self._candidates()):
            if values is not None:
                fits = True
                yield path, values
                continue
            self._folder.notes.add(UNKNOWN_NAME, path)
            if len(unknown) < 3:
                unknown.append(path)
        if unknown and not fits:
            expected = self._layout.examples[0] if self._layout.examples else self._layout.regex
            raise LayoutError(
                f"{self._folder.root}: no file is named as {self._layout.title} ({expected}) says; "
                f"there are {', '.join(unknown)}"
            )

    def _candidates(self) -> Iterator[str]:
        return self._non_images.left(image_files(self._folder, self._suffixes), self._folder.notes)

    def _alone(self, unknown: list[str]) -> Iterator[Found]:
        """Yield files that are whole fields, plate by plate."""
        plates: dict[str, list[tuple[Values, str]]] = {}
        plate = self._groups.index("plate") if "plate" in self._groups else None
        for path, values in self._read(unknown):
            if plate is None:
                plates.setdefault("", []).append((values, path))
            else:
                name = sys.intern(values[plate] or "")
                plates.setdefault(name, []).append(((*values[:plate], name, *values[plate + 1 :]), path))
        for name in sorted(plates):
            for values, path in plates.pop(name):
                identity = self._identity_of(values, path)
                if identity is not None:
                    yield Found(identity, {"": path})

    def _gathered(self, unknown: list[str]) -> Iterator[Found]:
        """Yield the fields of files that are channels, planes, times.

        What the parts of names say is found out once for equal parts. A field is a list of its facts, what its files
        have in common of run, time and plane, and its files by channel; where they have nothing in common, it is a list
        of ``_File`` in ``mixed``.
        """
        fields: dict[tuple[str, ...], list[Any]] = {}
        by_parts: dict[Any, list[Any] | None] = {}
        mixed: dict[tuple[str, ...], list[_File]] = {}
        files: dict[Any, tuple[str, tuple[str, ...]]] = {}
        identity_of, file_of = self._parts()
        for path, values in self._read(unknown):
            of_identity, of_file = identity_of(values), file_of(values)
            try:
                field = by_parts[of_identity]
            except KeyError:
                identity = self._identity_of(values, None)
                if len(by_parts) > _REMEMBERED:
                    by_parts.clear()  # files of a field mostly lie together; what is found out again is the same
                field = None if identity is None else fields.setdefault(identity, [identity, None, {}])
                by_parts[of_identity] = field
            if field is None:
                self._folder.notes.add("files whose well cannot be read", path)
                continue
            try:
                channel, choice = files[of_file]
            except KeyError:
                facts = self._facts(values)
                channel, choice = files[of_file] = self._channel_of(facts), self._choice_of(facts)
            if choice is _LEFT_OUT:
                self._folder.notes.add("projections beside the planes, left out", path)
            elif field[1] is None:
                field[1] = choice
                field[2][channel] = path
            elif choice == field[1] and channel not in field[2] and not (mixed and field[0] in mixed):
                field[2][channel] = path
            elif field[0] in mixed:
                mixed[field[0]].append(_File(channel, choice, path))
            else:
                mixed[field[0]] = [*_held(field), _File(channel, choice, path)]
        for identity in sorted(fields):
            field = fields.pop(identity)
            if identity in mixed:
                yield Found(identity, self._chosen_of(mixed.pop(identity)))
            elif field[1] is not None and not self._keeps(field[1]):
                yield Found(identity, self._chosen_of(_held(field)))
            elif field[1] is not None:
                of = field[2]
                yield Found(identity, of if [*of] == sorted(of) else dict(sorted(of.items())))

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

    def _identity_of(self, values: Values, path: str | None) -> tuple[str, ...] | None:
        """Return a field's facts; None for an unreadable well.

        That is noted where there is a path.
        """
        identity = [sys.intern(values[place] or "") for place in self._identity_places]
        if self._layout.t_of and "t" in self._identity:
            facts = self._facts(values)
            identity[self._identity.index("t")] = facts.get("t") or facts.get(plain(self._layout.t_of)) or ""
        if self._placed:
            well = self._well_of(values)
            if well is None:
                if path is not None:
                    self._folder.notes.add("files whose well cannot be read", path)
                return None
            identity.insert(int(self._plated), well)
        if self._t_parts:
            identity.append("".join(values[self._groups.index(name)] or "" for name in self._t_parts))
        return tuple(identity)

    def _well_of(self, values: Values) -> str | None:
        """Return the well that a name says, looked up once."""
        said = tuple([values[place] for place in self._well_places])
        if said not in self._wells_said:
            self._wells_said[said] = self._wells.of(self._facts(values))
        return self._wells_said[said]

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

    def _chosen_of(self, members: Sequence[_File]) -> dict[str, str]:
        """Return the file of each channel.

        Run and time are the same for all channels; the plane is chosen for each by itself.
        """
        for place, name in enumerate(CHOSEN[:2]):
            if name in self._chosen:
                value = choose(tuple({file.chosen[place] for file in members}), self._rule[name])
                members = [file for file in members if file.chosen[place] == value]
        by_channel: dict[str, list[_File]] = {}
        for file in members:
            by_channel.setdefault(file.channel, []).append(file)
        chosen: dict[str, str] = {}
        for channel, several in sorted(by_channel.items()):
            if "z" in self._chosen:
                value = choose(tuple({file.chosen[2] for file in several}), self._rule["z"])
                several = [file for file in several if file.chosen[2] == value]
            if not several:
                continue
            chosen[channel] = several[0].path
            left = [file.path for file in several[1:]]
            self._folder.notes.add_all("second files of one channel of one field, left out", left)
        return chosen


def _held(field: Sequence[Any]) -> list[_File]:
    """Return the files of a field with one choice."""
    return [_File(channel, field[1], path) for channel, path in field[2].items()]
