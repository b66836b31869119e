"""Files gathered into fields.

Channels of one field belong together; of several planes, times and runs one is chosen.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.screens import IMAGE_SUFFIXES
from builder.sources.declared.declaration import Files, Keep
from builder.sources.declared.facts import Wells, plain
from builder.sources.declared.layouts import Layout
from builder.sources.declared.names import Names
from builder.sources.declared.non_images import NonImages
from builder.sources.declared.templates import names_in

UNKNOWN_NAME: Final = "files without a known name"
_CHOSEN: Final = ("run", "t", "z")
PROJECTION: Final = "projection"
_ZEROS: Final = re.compile(r"(?<!\d)0+(?=\d)")


class Found(NamedTuple):
    """A field: its facts and its files by channel.

    Facts are in the order of ``Gatherer.facts``; the channel is '' where there is just one.
    """

    facts: tuple[str, ...]
    files: dict[str, str]


class _File(NamedTuple):
    identity: tuple[str, ...]
    channel: str
    chosen: tuple[str, ...]  # run, t and z, '' for those that are part of the identity
    path: str


@functools.lru_cache(maxsize=1 << 12)
def channel_key(text: str) -> str:
    """Return a channel's normalised key.

    01 is 1, DAPI is dapi.
    """
    return _ZEROS.sub("", text.strip().casefold())


class Gatherer:
    """Parses file names by layout and groups them into fields."""

    def __init__(self, folder: Folder, files: Files, layout: Layout) -> None:
        self._folder, self._keep, self._layout = folder, files.keep, layout
        self._suffixes = tuple(files.suffixes) or (*IMAGE_SUFFIXES, ".c01", ".ome.tif")
        self._non_images = NonImages(files, layout)
        self._names = Names(layout)
        self._wells = Wells(files, layout.first_row)
        groups = [plain(name) for name in self._names.groups]
        self._groups = groups
        self._channel = _channel_places(layout, groups)
        rule = {"run": files.keep.run, "t": files.keep.t, "z": files.keep.z}
        self._chosen = [name for name in _CHOSEN if name in groups and rule[name] != "all"]
        self._rule = rule
        t_parts = [plain(name) for name in layout.t_parts]
        aside = {*map(plain, layout.ignore), *self._channel_names(), *layout.projection_of, *t_parts}
        aside.add(plain(layout.t_of))
        placed = {"well", "row", "col", "wellnumber"}
        self._placed = bool(placed & set(groups))
        self._identity = [g for g in groups if g not in aside | placed and g not in self._chosen]
        self._identity.sort(key=lambda name: name != "plate")
        self._plated = self._identity[:1] == ["plate"]
        well = ["well"] if self._placed else []
        made_t = ["t"] if t_parts else []
        cut = int(self._plated)
        self.facts: tuple[str, ...] = (*self._identity[:cut], *well, *self._identity[cut:], *made_t)
        self._t_parts = t_parts

    def fields(self) -> Iterator[Found]:
        """Yield the fields, plate by plate, in order.

        Raises
        ------
        LayoutError
            At the end, where there are files and no name fits, with three names and what was expected.
        """
        plates: dict[str | None, list[str]] = {}
        plate = self._groups.index("plate") if "plate" in self._groups else None
        unknown: list[str] = []
        alone = not self._chosen and not self._channel
        for path in self._candidates():
            values = self._names.match(path)
            if values is None:
                self._folder.notes.add(UNKNOWN_NAME, path)
                if len(unknown) < 3:
                    unknown.append(path)
                continue
            plates.setdefault(None if plate is None else values[plate], []).append(path)
        if unknown and not plates:
            expected = self._layout.examples[0] if self._layout.examples else self._layout.regex
            raise LayoutError(
                f"{self._folder.root}: no file is named as {self._layout.title} ({expected}) says; "
                f"there are {', '.join(unknown)}"
            )
        for name in sorted(plates, key=lambda found: found or ""):
            files = filter(None, map(self._file, plates.pop(name)))
            if alone:
                yield from (Found(file.identity, {"": file.path}) for file in files)
            else:
                yield from self._gathered(files)

    def _candidates(self) -> Iterator[str]:
        for path in self._folder.paths(*self._suffixes):
            if why := self._non_images.why(path):
                self._folder.notes.add(why, path)
            else:
                yield path

    def _file(self, path: str) -> _File | None:
        values = self._names.match(path) or ()
        facts = dict(zip(self._groups, values, strict=True))
        identity = [facts[name] or "" for name in self._identity]
        t = facts.get("t") or facts.get(plain(self._layout.t_of)) or ""
        if self._layout.t_of and "t" in self._identity:
            identity[self._identity.index("t")] = t
        if self._placed:
            well = self._wells.of(facts)
            if well is None:
                self._folder.notes.add("files whose well cannot be read", path)
                return None
            identity.insert(int(self._plated), well)
        if self._t_parts:
            identity.append("".join(facts[name] or "" for name in self._t_parts))
        chosen = tuple([(facts.get(name) or "") if name in self._chosen else "" for name in _CHOSEN])
        if self._is_projection(facts):
            if self._rule["z"] == "all":
                self._folder.notes.add("projections beside the planes, left out", path)
                return None
            chosen = (*chosen[:2], PROJECTION)
        return _File(tuple(identity), self._channel_of(facts), chosen, path)

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

    def _gathered(self, files: Iterable[_File]) -> Iterator[Found]:
        fields: dict[tuple[str, ...], list[_File]] = {}
        for file in files:
            fields.setdefault(file.identity, []).append(file)
        for identity, members in sorted(fields.items()):
            yield Found(identity, self._chosen_of(members))

    def _chosen_of(self, members: Sequence[_File]) -> dict[str, str]:
        """Return the file of each channel.

        Run and time are the same for all channels; the plane is chosen for each by itself.
        """
        for place, name in enumerate(_CHOSEN[:2]):
            if name in self._chosen:
                value = choose([file.chosen[place] for file in members], self._rule[name])
                members = [file for file in members if file.chosen[place] == value]
        by_channel: dict[str, list[_File]] = {}
        for file in members:
            by_channel.setdefault(file.channel, []).append(file)
        chosen: dict[str, str] = {}
        for channel, several in sorted(by_channel.items()):
            if "z" in self._chosen:
                value = choose([file.chosen[2] for file in several], self._rule["z"])
                several = [file for file in several if file.chosen[2] == value]
            if not several:
                continue
            chosen[channel] = several[0].path
            left = [file.path for file in several[1:]]
            self._folder.notes.add_all("second files of one channel of one field, left out", left)
        return chosen


def choose(values: Sequence[str], rule: str | int) -> str | None:
    """Return the selected plane, time or run of a field.

    None where the one asked for is not there.

    A projection that lies beside the planes is taken where it is asked for, or where there is nothing else.
    """
    distinct = sorted(set(values), key=_in_order)
    planes = [value for value in distinct if value != PROJECTION]
    if PROJECTION in distinct and (rule == PROJECTION or not planes):
        return PROJECTION
    if rule == PROJECTION:
        return planes[len(planes) // 2]
    if rule == "first":
        return planes[0]
    if rule == "last":
        return planes[-1]
    if rule == "middle":
        return planes[len(planes) // 2]
    wanted = channel_key(str(rule))
    return next((value for value in distinct if channel_key(value) == wanted), None)


def check_rules(keep: Keep) -> str:
    """Return what is wrong with ``files.keep``, '' where nothing is."""
    for name in _CHOSEN:
        rule = getattr(keep, name)
        words = ("first", "middle", "last", "all", *(["projection"] if name == "z" else []))
        if isinstance(rule, str) and not rule[:1].isdigit() and rule not in words:
            return f"files.keep.{name} is a number or one of {', '.join(words)}, not {rule!r}"
    return ""


def _in_order(value: str) -> tuple[float, str]:
    return (float(value) if re.fullmatch(r"-?\d+(?:\.\d+)?", value) else -1.0, value)


def _channel_places(layout: Layout, groups: Sequence[str]) -> list[str]:
    wanted = [plain(name) for name in names_in(layout.channel)] or ["channel"]
    return [name for name in itertools.chain(wanted) if name in groups]
