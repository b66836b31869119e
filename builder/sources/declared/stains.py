"""Files of a field as channels that show something.

Also which of them are images of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from builder.sources.base import Channel
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.ome_zarr import OmeImage, ome_images
from builder.sources.declared.choice import PROJECTION, channel_key, choose
from builder.sources.declared.declaration import Declaration, Pages
from builder.sources.declared.index_files import Named, names_for
from builder.sources.declared.own_metadata import OWN_METADATA, Metadata, OwnNames
from builder.sources.declared.planned import ANY, LEFT_OUT, MISSING, Plan, Plans, Shown

_new: Final = tuple.__new__  # half the time of a NamedTuple's own constructor
_Z_RULES: Final = {"middle": "middle", "max": PROJECTION}
_NO_NAMES: Final[Named] = {}


class _Numbered(NamedTuple):
    """A channel among the pages of a file, from 0."""

    key: str
    number: int
    shows: str


_Paths = str | Callable[[Mapping[str, str]], tuple[str, ...]]


class _Ready(NamedTuple):
    """A plan for fields with the same channels.

    Of each image there are the suffix, the key of its path or what takes several, what channels show, their planes, and
    the rest of ``Shown``. ``asks`` says that a TIFF has to be asked first.
    """

    images: tuple[tuple[str, _Paths, tuple[str, ...], tuple[int, ...], tuple[Any, ...]], ...]
    notes: tuple[tuple[str, str], ...]
    asks: bool


class Stains:
    """What each channel shows, by the plate where that differs."""

    def __init__(self, folder: Folder, declared: Declaration) -> None:
        self._folder, self._declared = folder, declared
        self._of_all = _keyed(declared.channels)
        self._of_plate = {plate.casefold(): _keyed(stains) for plate, stains in declared.plate_channels.items()}
        self.named: dict[str, Named] = {}  # folder -> channel -> the instrument's name of it
        self._plans = Plans(declared)
        self._inside = ome_images(folder)
        self._own = OwnNames(folder, declared.files.metadata == "file")
        self._ready: dict[tuple[Any, ...], _Ready | None] = {}
        self._of_folder: dict[str, Named] = {}
        self._singles: dict[tuple[str, str], _Ready] = {}  # of fields of one file, which is all that they show

    def shown(self, files: Mapping[str, str], plate: str) -> Iterable[Shown]:
        """Return the images of a field.

        Raises
        ------
        LayoutError
            Where two channels are one file.
        """
        if len(files) == 1:
            ((key, path),) = files.items()
            single = self._singles.get((key, plate))
            if single is not None and not (single.asks and path[-5:].lower().endswith(OWN_METADATA)):
                suffix, _, shows, planes, rest = single.images[0]
                return [_new(Shown, (suffix, (_new(Channel, (path, shows[0], planes[0])),), *rest))]
        names = self._index_names(_one_of(files)) if self.named and files else _NO_NAMES
        asked = (*files, plate, id(names))
        try:
            ready = self._ready[asked]
        except KeyError:
            ready = self._ready[asked] = self._prepared(files, plate, names)
            if ready is not None and len(files) == len(ready.images) == 1 and not ready.notes and not self.named:
                self._singles[next(iter(files)), plate] = ready
        if ready is not None and not (ready.asks and _one_of(files)[-5:].lower().endswith(OWN_METADATA)):
            return self._filled(files, ready)
        return self._looked_into(files, plate)

    def _looked_into(self, files: Mapping[str, str], plate: str) -> Iterable[Shown]:
        """Return the images of files that are asked first."""
        stains, pages = self._stains_of(plate), self._declared.files.pages
        if not files:
            return []
        if inside := self._inside.get(_one_of(files)):
            return self._of_arrays(files, inside, plate)
        if pages is not None:
            listed = list(stains.items()) or [("", self._plans.of_one() or "light")]
            numbered = [_Numbered(key, number, shows) for number, (key, shows) in enumerate(listed)]
            return self._of_pages(_one_of(files), pages, max(1, len(stains)), numbered)
        own = self._stated(files)
        if "" in own and own[""].channels:
            return self._of_stated(files[""], own[""], stains)
        told = not stains and not self._declared.cell_visible
        names = {key: said.own for key, said in own.items() if said.own} if told else {}
        return self._filled(files, _ready(self._plans.plan(files, stains, names, plate)))

    def _filled(self, files: Mapping[str, str], ready: _Ready) -> list[Shown]:
        if len(files) > 1 and len(set(files.values())) < len(files):
            path = next(path for path in files.values() if list(files.values()).count(path) > 1)
            keys = ", ".join(key for key in files if files[key] == path)
            raise LayoutError(f"{self._folder.root}: the channels {keys} of one image are the same file, {path}")
        for kind, key in ready.notes:
            self._folder.notes.add(kind, files[key])
        found = []
        for suffix, paths, shows, planes, rest in ready.images:
            if isinstance(paths, str):
                channels: tuple[Channel, ...] = (_new(Channel, (files[paths], shows[0], planes[0])),)
            else:
                channels = tuple(map(_new, repeat(Channel), zip(paths(files), shows, planes, strict=True)))
            found.append(_new(Shown, (suffix, channels, *rest)))
        return found

    def _index_names(self, path: str) -> Named:
        """Return an index's channel names for a file's folder."""
        folder = path[: path.rfind("/") + 1]
        names = self._of_folder.get(folder)
        if names is None:
            names = self._of_folder[folder] = names_for(path, self.named) or _NO_NAMES
        return names

    def _stated(self, files: Mapping[str, str]) -> dict[str, Metadata]:
        """Return what files say whose channels have no names."""
        if files.keys() == {""}:
            return {"": self._own.of(files[""], "")}
        return {key: self._own.of(path, key) for key, path in files.items() if channel_key(key).strip("acw0").isdigit()}

    def _prepared(self, files: Mapping[str, str], plate: str, names: Named) -> _Ready | None:
        """Return the plan of all fields with these channels.

        None where what a file holds has a say.
        """
        if self._inside or self._declared.files.pages is not None or not files:
            return None
        stains = self._stains_of(plate)
        asks = not names and ANY not in stains and (not stains or "" in files)
        return _ready(self._plans.plan(files, stains, names, plate), asks)

    def _stains_of(self, plate: str) -> dict[str, str]:
        return self._of_plate.get(plate.casefold(), self._of_all) if self._of_plate else self._of_all

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
        plan = self._plans.plan(paths, stains, names, plate)
        for kind, key in plan.notes:
            self._folder.notes.add(kind, paths[key])
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
                for shown in plan.images:
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

    def _of_stated(self, path: str, own: Metadata, stains: Mapping[str, str]) -> Iterator[Shown]:
        """Yield the images of a file that names its channels."""
        names = {str(number): name for number, name in enumerate(own.channels, 1)}
        found = dict(self._plans.named(dict.fromkeys(names, path), stains, names))
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
            for shown in self._plans.divided(found, {key: shows for key, _, shows in numbered}):
                yield shown._replace(suffix=suffix + shown.suffix)


def _ready(plan: Plan, asks: bool = False) -> _Ready:
    images = []
    for shown in plan.images:
        keys = [channel.path for channel in shown.channels]
        paths: _Paths = itemgetter(*keys) if len(keys) > 1 else keys[0]
        shows = tuple(channel.shows for channel in shown.channels)
        planes = tuple(channel.plane for channel in shown.channels)
        images.append((shown.suffix, paths, shows, planes, shown[2:]))
    return _Ready(tuple(images), plan.notes, asks)


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
