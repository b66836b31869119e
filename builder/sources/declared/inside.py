"""Images inside one file, by pages or axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from builder.sources.base import Channel
from builder.sources.common.folder import Folder
from builder.sources.common.ome_zarr import OmeImage, ome_images
from builder.sources.declared.choice import PROJECTION, choose
from builder.sources.declared.declaration import Declaration, Pages
from builder.sources.declared.own_metadata import Metadata
from builder.sources.declared.planned import LEFT_OUT, MISSING, Plans, Shown

_Z_RULES: Final = {"middle": "middle", "max": PROJECTION}


class Numbered(NamedTuple):
    """A channel among the pages of a file, from 0."""

    key: str
    number: int
    shows: str


class Inside:
    """Finds the images of files that hold several.

    ``stores`` are those of OME-Zarr."""

    def __init__(self, folder: Folder, declared: Declaration, plans: Plans) -> None:
        self._folder, self._declared, self._plans = folder, declared, plans
        self.stores = ome_images(folder)

    def of_arrays(self, files: Mapping[str, str], stains: Mapping[str, str]) -> Iterator[Shown]:
        """Yield the images of OME-Zarr stores.

        Channels are known by their names in the file, or by their numbers from 1.
        """
        first = self.stores[next(iter(files.values()))]
        where: dict[str, tuple[OmeImage, int]] = {}
        names: dict[str, str] = {}
        if len(files) == 1:
            where = {str(number): (first, number - 1) for number in range(1, first.size("c") + 1)}
            names = {str(number): name for number, name in enumerate(first.channels, 1) if name}
            paths = dict.fromkeys(where, next(iter(files.values())))
        else:
            where = {key: (self.stores[path], 0) for key, path in files.items() if path in self.stores}
            paths = {key: files[key] for key in where}
        if len(where) == 1 and not names and not stains:
            where, paths = {"": next(iter(where.values()))}, {"": next(iter(paths.values()))}
        plan = self._plans.plan(paths, stains, names)
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

    def of_stated(self, path: str, own: Metadata, stains: Mapping[str, str]) -> Iterator[Shown]:
        """Yield the images of a file that names its channels."""
        names = {str(number): name for number, name in enumerate(own.channels, 1)}
        found = dict(self._plans.named(dict.fromkeys(names, path), stains, names))
        numbered = [Numbered(declared, int(key) - 1, shows) for declared, (key, shows) in found.items()]
        if len(numbered) < len(names):
            self._folder.notes.add(LEFT_OUT, path, len(names) - len(numbered))
        if len(numbered) < len(stains):
            self._folder.notes.add(MISSING, path)
        pages = msgspec.convert({"order": own.order, "fields": 1, "planes": own.planes}, Pages)
        return self.of_pages(path, pages, len(names), numbered)

    def of_pages(self, path: str, pages: Pages, channels: int, numbered: Sequence[Numbered]) -> Iterator[Shown]:
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

    def of_declared(self, path: str, stains: Mapping[str, str]) -> Iterator[Shown]:
        """Yield the images of a file whose pages are declared."""
        listed = list(stains.items()) or [("", self._plans.of_one() or "light")]
        numbered = [Numbered(key, number, shows) for number, (key, shows) in enumerate(listed)]
        return self.of_pages(path, self._declared.files.pages or Pages(), max(1, len(stains)), numbered)


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
