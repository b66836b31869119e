"""Files of a field as channels that show something.

Also which of them are images of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

import msgspec

from builder.sources.base import MAX_PROJECTION, MIDDLE_PLANE, Channel
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.ome_zarr import OmeImage, ome_images
from builder.sources.common.screens import visible
from builder.sources.declared.choice import PROJECTION, channel_key, choose
from builder.sources.declared.declaration import Declaration, Pages
from builder.sources.declared.index_files import Named, names_for
from builder.sources.declared.own_metadata import OWN_METADATA, Metadata, OwnNames

TRANSMITTED: Final = frozenset(("brightfield", "phase contrast", "darkfield", "dic", "transmitted light"))
"""What is imaged without fluorescence is never merged with stains: an image of its own."""
LEFT_OUT: Final = "files of channels that source.toml does not name, left out"
MISSING: Final = "images with channels missing"
_new: Final = tuple.__new__  # half the time of a NamedTuple's own constructor
_ANY: Final = "*"
_Z_RULES: Final = {"middle": "middle", "max": PROJECTION}
_PLANES: Final = {"first": 0, "middle": MIDDLE_PLANE, "max": MAX_PROJECTION}


class Shown(NamedTuple):
    """The channels of one image.

    ``suffix`` tells it from other images of the same field; ``columns`` are what its file says of it.
    """

    suffix: str
    channels: tuple[Channel, ...]
    cell_visible: str | None
    microscopy: str | None
    channel: str = ""  # its key, where it is one by itself
    columns: Mapping[str, Any] = {}


class _Numbered(NamedTuple):
    """A channel among the pages of a file, from 0."""

    key: str
    number: int
    shows: str


class _Image(NamedTuple):
    """An image of a field: keys for paths, and the rest of ``Shown``."""

    suffix: str
    channels: tuple[Channel, ...]
    rest: tuple[Any, ...]


class _Ready(NamedTuple):
    """What all fields with the same channels show.

    ``notes`` are kinds with the channel's key; ``by_file`` says that a TIFF has to be asked.
    """

    images: tuple[_Image, ...]
    notes: tuple[tuple[str, str], ...]
    by_file: bool


class Stains:
    """What each channel shows, by the plate where that differs."""

    def __init__(self, folder: Folder, declared: Declaration) -> None:
        self._folder, self._declared = folder, declared
        self._of_all = _keyed(declared.channels)
        self._of_plate = {plate.casefold(): _keyed(stains) for plate, stains in declared.plate_channels.items()}
        self.named: dict[str, Named] = {}  # folder -> channel -> the instrument's name of it
        self._plans: dict[tuple[Any, ...], tuple[list[Shown], list[tuple[str, str]]]] = {}
        self._plane = _PLANES[declared.files.plane]
        self._inside = ome_images(folder)
        self._own = OwnNames(folder, declared.files.metadata == "file")
        self._ready: dict[tuple[str, ...], _Ready | None] = {}

    def shown(self, files: Mapping[str, str], plate: str) -> Iterable[Shown]:
        """Return the images of a field.

        Raises
        ------
        LayoutError
            Where two channels are one file.
        """
        asked = (*files, plate)
        try:
            ready = self._ready[asked]
        except KeyError:
            ready = self._ready[asked] = self._prepared(files, plate)
        if ready is not None and (not ready.by_file or not _one_of(files).lower().endswith(OWN_METADATA)):
            if len(files) > 1 and len(set(files.values())) < len(files):
                self._refuse_same(files)
            for kind, key in ready.notes:
                self._folder.notes.add(kind, files[key])
            found = []
            for suffix, chosen, rest in ready.images:
                channels = tuple([_new(Channel, (files[key], shows, plane)) for key, shows, plane in chosen])
                found.append(_new(Shown, (suffix, channels, *rest)))
            return found
        if self._inside and files and (inside := self._inside.get(_one_of(files))):
            return self._of_arrays(files, inside, plate)
        if len(files) > 1 and len(set(files.values())) < len(files):
            self._refuse_same(files)
        stains = self._stains_of(plate)
        pages = self._declared.files.pages
        if pages is not None and files:
            listed = list(stains.items()) or [("", self._of_one() or "light")]
            numbered = [_Numbered(key, number, shows) for number, (key, shows) in enumerate(listed)]
            return self._of_pages(_one_of(files), pages, max(1, len(stains)), numbered)
        names = names_for(_one_of(files), self.named) if self.named and files else None
        if not names and _ANY not in stains and (not stains or "" in files):
            own = self._stated(files)
            if "" in own and own[""].channels:
                return self._of_stated(files[""], own[""], stains)
            if not stains and not self._declared.cell_visible:
                names = {key: said.own for key, said in own.items() if said.own}
        return [
            Shown(
                shown.suffix,
                tuple([Channel(files[key], shows, plane) for key, shows, plane in shown.channels]),
                shown.cell_visible,
                shown.microscopy,
                shown.channel,
            )
            for shown in self._planned(files, stains, names or {}, (plate, *(names or {}).items()))
        ]

    def _stated(self, files: Mapping[str, str]) -> dict[str, Metadata]:
        """Return what files say whose channels have no names."""
        if files.keys() == {""}:
            return {"": self._own.of(files[""], "")}
        return {key: self._own.of(path, key) for key, path in files.items() if channel_key(key).strip("acw0").isdigit()}

    def _refuse_same(self, files: Mapping[str, str]) -> NoReturn:
        path = next(path for path in files.values() if list(files.values()).count(path) > 1)
        keys = ", ".join(key for key in files if files[key] == path)
        raise LayoutError(f"{self._folder.root}: the channels {keys} of one image are the same file, {path}")

    def _prepared(self, files: Mapping[str, str], plate: str) -> _Ready | None:
        """Return the images of all fields with these channels.

        None where what a file holds, or an index beside it, has a say.
        """
        stains = self._stains_of(plate)
        asks = _ANY not in stains and (not stains or "" in files)
        if self._inside or self._declared.files.pages is not None or self.named or not files:
            return None
        asked = (*files, plate)
        images = self._planned(files, stains, {}, (plate,), note=False)
        return _Ready(
            tuple(_Image(shown.suffix, shown.channels, shown[2:]) for shown in images),
            tuple(self._plans[asked][1]),
            asks,
        )

    def _stains_of(self, plate: str) -> dict[str, str]:
        return self._of_plate.get(plate.casefold(), self._of_all) if self._of_plate else self._of_all

    def _planned(
        self,
        files: Mapping[str, str],
        stains: Mapping[str, str],
        names: Mapping[str, str],
        apart: tuple[Any, ...],
        note: bool = True,
    ) -> list[Shown]:
        """Return a field's images, with keys for paths.

        They are planned once for fields with the same keys, and what is ``apart``.
        """
        asked = (*files, *apart)
        plan = self._plans.get(asked)
        if plan is None:
            found = {
                declared: Channel(key, shows, self._plane)
                for declared, (key, shows) in self._named(files, stains, names)
            }
            notes = [(LEFT_OUT, key) for key in files if key not in {channel.path for channel in found.values()}]
            if found and not self._declared.separate_channels and len(found) < sum(key != _ANY for key in stains):
                notes.append((MISSING, next(iter(found.values())).path))
            plan = self._plans[asked] = (list(self._divided(found, stains)), notes)
        for kind, key in plan[1] if note else ():
            self._folder.notes.add(kind, files[key])
        return plan[0]

    def _of_arrays(self, files: Mapping[str, str], first: OmeImage, plate: str) -> Iterator[Shown]:
        """Yield the images of OME-Zarr stores.

        Channels are known by their names in the file, or by their numbers from 1.
        """
        where: dict[str, tuple[OmeImage, int]] = {}
        names: dict[str, str] = {}
        if len(files) == 1:
            where = {str(number): (first, number - 1) for number in range(1, first.size("c") + 1)}
            names = {str(number): name for number, name in enumerate(first.channels, 1) if name}
            paths = dict.fromkeys(where, _one_of(files))
        else:
            where = {key: (self._inside[path], 0) for key, path in files.items() if path in self._inside}
            paths = {key: files[key] for key in where}
        stains = self._stains_of(plate)
        if len(where) == 1 and not names and not stains:
            where, paths = {"": next(iter(where.values()))}, {"": next(iter(paths.values()))}
        plan = self._planned(paths, stains, names, (plate, *names.items()))
        more = {} if first.pixel_size_um is None else {"pixel_size_um": first.pixel_size_um}
        fill, keep = self._declared.files.missing_chunks == "fill", self._declared.files.keep
        for t in _numbers(first.size("t"), keep.t):
            for z in _numbers(first.size("z"), _Z_RULES.get(self._declared.files.plane, keep.z)):
                said: dict[str, Any] = {**more}
                suffix = ""
                if keep.t == "all" and first.size("t") > 1:
                    suffix, said["timepoint"] = f"_t{t}", str(t)
                if keep.z == "all" and z is not None and first.size("z") > 1:
                    suffix, said["z"] = f"{suffix}_z{z}", z
                for shown in plan:
                    channels = tuple(
                        Channel(
                            image.key(1 if z is not None else image.size("z"), fill),
                            shows,
                            image.plane(t=t or 0, c=c, z=z or 0),
                        )
                        for key, shows, _ in shown.channels
                        for image, c in [where[key]]
                    )
                    yield shown._replace(suffix=suffix + shown.suffix, channels=channels, columns=said)

    def _named(
        self, files: Mapping[str, str], stains: Mapping[str, str], names: Mapping[str, str]
    ) -> Iterator[tuple[str, tuple[str, str]]]:
        """Yield channels in declaration order.

        Each is its key, and (its key among ``files``, what it shows).
        """
        spelled = {key: (channel_key(key), channel_key(names.get(key, ""))) for key in files}
        by_key = {key: next((k for k in spelled[key] if k in stains), key) for key in files}
        fallback = stains.get(_ANY) or (self._of_one() if "" in files else None)
        rank = {key: place for place, key in enumerate(stains)}
        for key in sorted(files, key=lambda key: (rank.get(by_key[key], len(rank)), key)):
            own = (names.get(key) or fallback or key) if not stains else None
            shows = own or stains.get(by_key[key]) or fallback
            if shows is not None:
                yield by_key[key], (key, shows)

    def _of_one(self) -> str | None:
        if self._of_all:
            return None
        declared = self._declared
        return declared.cell_visible.partition("|")[0] or declared.microscopy or "light"

    def _divided(self, found: Mapping[str, Channel], stains: Mapping[str, str]) -> Iterator[Shown]:
        if self._declared.separate_channels:
            for key, channel in found.items():
                yield self._one(f"_{key}", (channel,), channel.shows.lower() in TRANSMITTED, key)
            return
        light = tuple(channel for channel in found.values() if channel.shows.lower() in TRANSMITTED)
        others = tuple(channel for channel in found.values() if channel not in light)
        mixed = {shows.lower() in TRANSMITTED for shows in (*stains.values(), *(c.shows for c in found.values()))}
        if others:
            yield self._one("", others, False)
        for channel in light:
            yield self._one(f"_{channel.shows.lower()}" if len(mixed) > 1 else "", (channel,), True)

    def _one(self, suffix: str, channels: tuple[Channel, ...], light: bool, key: str = "") -> Shown:
        if light:
            return Shown(suffix, channels, "cell body", channels[0].shows.lower(), key)
        told = bool(self._declared.channels or self._declared.plate_channels)
        return Shown(suffix, channels, visible(channels) if told else None, None, key)

    def _of_stated(self, path: str, own: Metadata, stains: Mapping[str, str]) -> Iterator[Shown]:
        """Yield the images of a file that says which pages are channels."""
        names = {str(number): name for number, name in enumerate(own.channels, 1)}
        found = dict(self._named(dict.fromkeys(names, path), stains, names))
        numbered = [_Numbered(declared, int(key) - 1, shows) for declared, (key, shows) in found.items()]
        if len(numbered) < len(names):
            self._folder.notes.add(LEFT_OUT, path, len(names) - len(numbered))
        if len(numbered) < len(stains):
            self._folder.notes.add(MISSING, path)
        pages = msgspec.convert({"order": own.order, "fields": 1, "planes": own.planes}, Pages)
        return self._of_pages(path, pages, len(names), numbered)

    def _of_pages(self, path: str, pages: Pages, channels: int, numbered: Sequence[_Numbered]) -> Iterator[Shown]:
        """Yield the fields, channels and planes of a multi-page file."""
        order = list(dict.fromkeys([*pages.order, "channel"]))
        sizes = {"channel": channels, "z": pages.planes, "field": pages.fields or 1}
        if "field" in order and pages.fields is None:
            there = self._folder.count_pages(path)
            sizes["field"], left = divmod(there, sizes["channel"] * sizes["z"])
            if left or not there:
                self._folder.notes.add("files whose pages are not whole fields", f"{path}: {there} pages")
        plane = int(choose(tuple(map(str, range(sizes["z"]))), self._declared.files.keep.z) or 0)
        for field in range(sizes["field"]):
            found = {}
            for key, number, shows in numbered:
                at = {"field": field, "channel": number, "z": plane}
                page = 0
                for axis in order:
                    page = page * sizes[axis] + at[axis]
                found[key] = Channel(path, shows, page)
            suffix = f"_p{field}" if sizes["field"] > 1 else ""
            for shown in self._divided(found, {key: shows for key, _, shows in numbered}):
                yield shown._replace(suffix=suffix + shown.suffix)


def _one_of(files: Mapping[str, str]) -> str:
    return next(iter(files.values()))


def _numbers(count: int, rule: str | int) -> list[int | None]:
    """Return which of so many planes or times are taken.

    None stands for the projection of all.
    """
    if rule == "all":
        return list(range(count))
    if rule == PROJECTION:
        return [None]
    chosen = choose(tuple(map(str, range(count))), rule)
    return [] if chosen is None else [int(chosen)]


def _keyed(stains: Mapping[str, str]) -> dict[str, str]:
    return {channel_key(key): shows for key, shows in stains.items()}
