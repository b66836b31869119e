"""Files of a field as channels that show something.

Also which of them are images of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple

from builder.sources.base import Channel
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.declared.blocks import Block, spans
from builder.sources.declared.choice import channel_key
from builder.sources.declared.declaration import Declaration
from builder.sources.declared.index_files import Named, names_for
from builder.sources.declared.inside import Inside
from builder.sources.declared.own_metadata import OWN_METADATA, Metadata, OwnNames
from builder.sources.declared.planned import ANY, Plans, Shown

_new: Final = tuple.__new__  # half the time of a NamedTuple's own constructor
_NO_NAMES: Final[Named] = {}


class _Ready(NamedTuple):
    """A plan for fields with the same channels.

    ``asks`` says that a TIFF has to be asked first."""

    images: tuple[Shown, ...]
    notes: tuple[tuple[str, str], ...]
    asks: bool = False


class Part(NamedTuple):
    """Some fields of a block that show alike.

    They go from ``start`` to before ``stop``. Of each of their images there is what they have in common, and the
    channels of each.
    """

    start: int
    stop: int
    images: Sequence[tuple[Shown, Sequence[tuple[Channel, ...]]]]


class Stains:
    """What each channel shows, by the plate where that differs."""

    def __init__(self, folder: Folder, declared: Declaration) -> None:
        self._folder, self._declared = folder, declared
        self._of_all = _keyed(declared.channels)
        self._of_plate = {plate.casefold(): _keyed(stains) for plate, stains in declared.plate_channels.items()}
        self.named: dict[str, Named] = {}  # folder -> channel -> the instrument's name of it
        self._plans = Plans(declared)
        self._inside = Inside(folder, declared, self._plans)
        self._own = OwnNames(folder, declared.files.metadata == "file")
        self._ready: dict[tuple[Any, ...], _Ready | None] = {}
        self._of_folder: dict[str, Named] = {}

    def shown(self, block: Block, plates: Sequence[str] | None) -> Iterator[Part]:
        """Yield what a block's fields show, in their order.

        Raises
        ------
        LayoutError
            Where two channels of a field are one file.
        """
        if not block.channels:
            return
        for start, stop in self._alike(block, plates):
            plate = plates[start] if plates is not None and self._of_plate else ""
            names = self._index_names(block.paths[0][start]) if self.named else _NO_NAMES
            asked = (*block.channels, plate, id(names))
            if asked not in self._ready:
                self._ready[asked] = self._prepared(block.files(start), plate, names)
            ready = self._ready[asked]
            if ready is None:
                yield from self._one_by_one(block, start, stop, plate)
            elif not ready.asks:
                yield self._filled(block, start, stop, ready)
            else:
                yield from self._asked(block, start, stop, ready, plate)

    def _alike(self, block: Block, plates: Sequence[str] | None) -> Iterable[tuple[int, int]]:
        """Return spans of fields of which the same is known.

        Their plate, and the index of their folder, say the same of channels."""
        if not self.named and (plates is None or not self._of_plate):
            return [(0, block.size)]
        of_plate = plates if plates is not None and self._of_plate else [""] * block.size
        firsts = block.paths[0]
        return spans(block.size, lambda n: (of_plate[n], id(self._index_names(firsts[n])) if self.named else 0))

    def _asked(self, block: Block, start: int, stop: int, ready: _Ready, plate: str) -> Iterator[Part]:
        """Yield what fields show that a TIFF is asked of.

        One in each folder is asked, or each."""
        if not any(path[-5:].lower().endswith(OWN_METADATA) for path in block.paths[0][start:stop]):
            yield self._filled(block, start, stop, ready)
            return
        each, paths = self._declared.files.metadata == "file", block.paths

        def answered(n: int) -> tuple[Any, ...]:
            place = start + n
            if not paths[0][place][-5:].lower().endswith(OWN_METADATA):
                return ()
            return (place,) if each else tuple([column[place][: column[place].rfind("/") + 1] for column in paths])

        for first, after in spans(stop - start, answered):
            first, after = start + first, start + after
            if not answered(first - start):
                yield self._filled(block, first, after, ready)
                continue
            files, stains = block.files(first), self._stains_of(plate)
            own = self._stated(files)
            if "" in own and own[""].channels:
                for place in range(first, after):
                    yield _alone(place, self._inside.of_stated(block.paths[0][place], own[""], stains))
                continue
            names = self._own_names(own, stains)
            yield self._filled(block, first, after, _Ready(*self._plans.plan(files, stains, names)))

    def _own_names(self, own: Mapping[str, Metadata], stains: Mapping[str, str]) -> dict[str, str]:
        """Return the channel names that files state.

        None where the declaration says more."""
        if stains or self._declared.cell_visible:
            return {}
        return {key: said.own for key, said in own.items() if said.own}

    def _one_by_one(self, block: Block, start: int, stop: int, plate: str) -> Iterator[Part]:
        """Yield what fields show, each by itself.

        Files are many images, or lie beside OME-Zarr."""
        for place in range(start, stop):
            files, stains = block.files(place), self._stains_of(plate)
            path = block.paths[0][place]
            if path in self._inside.stores:
                yield _alone(place, self._inside.of_arrays(files, stains))
            elif self._declared.files.pages is not None:
                yield _alone(place, self._inside.of_declared(path, stains))
            else:
                own = self._stated(files)
                if "" in own and own[""].channels:
                    yield _alone(place, self._inside.of_stated(files[""], own[""], stains))
                else:
                    names = self._own_names(own, stains)
                    yield self._filled(block, place, place + 1, _Ready(*self._plans.plan(files, stains, names)))

    def _filled(self, block: Block, start: int, stop: int, ready: _Ready) -> Part:
        """Return the images of fields, as planned."""
        columns = {key: paths[start:stop] for key, paths in zip(block.channels, block.paths, strict=True)}
        if len(columns) > 1 and len(set(itertools.chain(*columns.values()))) < len(columns) * (stop - start):
            self._check_files(block, start, stop)
        for place in range(start, stop) if ready.notes else ():
            for kind, key in ready.notes:
                self._folder.notes.add(kind, columns[key][place - start])
        images = []
        for shown in ready.images:
            channels = [
                map(_new, repeat(Channel), zip(columns[channel.path], repeat(channel.structure), repeat(channel.plane)))
                for channel in shown.channels
            ]
            images.append((shown, list(zip(*channels, strict=True))))
        return Part(start, stop, images)

    def _check_files(self, block: Block, start: int, stop: int) -> None:
        for place in range(start, stop):
            files = block.files(place)
            found = list(files.values())
            if path := next((path for path in found if found.count(path) > 1), ""):
                keys = ", ".join(key for key in files if files[key] == path)
                raise LayoutError(f"{self._folder.root}: the channels {keys} of one image are the same file, {path}")

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
        if self._inside.stores or self._declared.files.pages is not None:
            return None
        stains = self._stains_of(plate)
        asks = not names and ANY not in stains and (not stains or "" in files)
        return _Ready(*self._plans.plan(files, stains, names), asks)

    def _stains_of(self, plate: str) -> dict[str, str]:
        return self._of_plate.get(plate.casefold(), self._of_all) if self._of_plate else self._of_all


def _alone(place: int, images: Iterable[Shown]) -> Part:
    """Return one field's images as a part."""
    return Part(place, place + 1, [(shown, [shown.channels]) for shown in images])


def _keyed(stains: Mapping[str, str]) -> dict[str, str]:
    return {channel_key(key): shows for key, shows in stains.items()}
