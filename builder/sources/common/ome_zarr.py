"""OME-Zarr: the images of folders and archives, and their channels.

Versions 0.1 to 0.5 (https://ngff.openmicroscopy.org/specifications): a group with ``multiscales`` is an image, whose
first data set has full resolution; one with ``plate`` names wells, and these name their fields; one written by
bioformats2raw has an image per series. Labels are no images. Metadata alone is read, never a chunk.
"""

from __future__ import annotations

import abc
import json
import math
import weakref
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from builder.engine.trees import ARCHIVES, ArrayKey, Tree, digest_of
from builder.sources.common.arrays import METADATA, ZARR
from builder.sources.common.folder import Folder

SUFFIXES: Final = (ZARR, *ARCHIVES)
UNKNOWN: Final = "Zarr stores that are no OME-Zarr image or plate"
_OLD_AXES: Final = ("t", "c", "z", "y", "x")  # of versions 0.1 and 0.2
_KINDS: Final = {"time": "t", "channel": "c"}
_MICROMETRES: Final = {"micrometer": 1.0, "micron": 1.0, "µm": 1.0, "nanometer": 1e-3, "millimeter": 1e3, "meter": 1e6}


class OmeImage(NamedTuple):
    """An image of a store.

    Parameters
    ----------
    root : the store, a folder or archive
    array : its full-resolution level
    listed : digest of that level's files
    axes, shape : as stored; the last two axes are y and x
    channels : names, "" where unknown
    pixel_size_um : where it is stated and both sides are alike
    acquisition : of a field of a plate
    name : of the image, or of its plate, in the metadata
    """

    root: str
    array: str
    listed: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    channels: tuple[str, ...]
    pixel_size_um: float | None = None
    acquisition: str = ""
    name: str = ""

    def size(self, axis: str) -> int:
        """Return the extent of an axis, 1 if absent."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    def plane(self, **at: int) -> int:
        """Return the number of a plane, in stored order."""
        number = 0
        for axis, size in zip(self.axes[:-2], self.shape[:-2], strict=True):
            number = number * size + at.get(axis, 0)
        return number

    def key(self, project: int = 1, fill: bool = False) -> str:
        """Return its array's name among files of images."""
        return str(ArrayKey(self.array, self.listed, project, fill))


_known: weakref.WeakKeyDictionary[Folder, dict[str, OmeImage]] = weakref.WeakKeyDictionary()


def ome_images(folder: Folder) -> dict[str, OmeImage]:
    """Return the OME-Zarr images of a folder by path, sorted.

    The path of an image is that of its store, within a plate followed by well and field. What cannot be read is noted.
    """
    found = _known.get(folder)
    if found is None:
        found = _known[folder] = dict(sorted(_found(folder)))
    return found


def _found(folder: Folder) -> Iterator[tuple[str, OmeImage]]:
    stores: dict[str, _Store] = {}
    inside = f"{ZARR}/"
    tops = {path[: path.index(inside) + len(ZARR)] for path in folder.listing if inside in path}
    for root in sorted(tops):
        stores[root] = _FolderStore(folder, root)
    for root in folder.paths(*ARCHIVES):
        try:
            stores[root] = _ArchiveStore(folder, root)
        except (zipfile.BadZipFile, EOFError) as error:
            folder.notes.add(UNKNOWN, f"{root}: {error}")
    _FolderStore.read_ahead(stores.values(), [""])
    for root, store in stores.items():
        try:
            yield from _of_store(root, store)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            folder.notes.add(UNKNOWN, f"{root}: {_said(error)}")


def _said(error: Exception) -> str:
    return f"no {error.args[0]!r} in its metadata" if isinstance(error, KeyError) else str(error)


def _of_store(root: str, store: _Store) -> Iterator[tuple[str, OmeImage]]:
    top = store.attributes("")
    plate = str(top.get("plate", {}).get("name") or "")
    if "plate" in top:
        wells = [str(well["path"]) for well in top["plate"]["wells"]]
        store.need(wells)
        fields = [
            (f"{well}/{field['path']}", str(field.get("acquisition", "")))
            for well in wells
            for field in store.attributes(well).get("well", {}).get("images", ())
        ]
    elif "multiscales" in top:
        fields = [("", "")]
    elif "bioformats2raw.layout" in top:
        store.need(["OME"])
        series = store.attributes("OME").get("series") or store.numbered()
        fields = [(str(name), "") for name in series]
    else:
        raise ValueError("neither plate nor multiscales in its metadata")
    store.need([path for path, _ in fields])
    levels = {path: _level(store.attributes(path)) for path, _ in fields if store.has(path)}
    store.need([_joined(path, level) for path, level in levels.items()])
    for path, acquisition in fields:
        if path in levels:
            image = _image(root, store, path, levels[path])
            named = image._replace(acquisition=acquisition, name=plate if "plate" in top else image.name)
            yield _joined(root, path), named


def _level(attributes: Mapping[str, Any]) -> str:
    return str(attributes["multiscales"][0]["datasets"][0]["path"])


def _image(root: str, store: _Store, path: str, level: str) -> OmeImage:
    attributes = store.attributes(path)
    scales = attributes["multiscales"][0]
    array = _joined(path, level)
    shape = tuple(int(side) for side in store.array(array)["shape"])
    axes, units = _axes(scales.get("axes"), len(shape))
    if axes[-2:] != ("y", "x") or len(set(axes)) < len(axes):
        raise ValueError(f"axes {', '.join(axes)}: y and x come last, and each once")
    others = [axis for axis, side in zip(axes, shape, strict=True) if axis not in _OLD_AXES and side > 1]
    if others:
        raise ValueError(f"axis {others[0]} is none of t, c, z, y and x")
    named = [str(channel.get("label") or "") for channel in (attributes.get("omero") or {}).get("channels") or ()]
    count = shape[axes.index("c")] if "c" in axes else 1
    pixel = _pixel(scales, axes, units)
    channels = tuple((named + [""] * count)[:count])
    name = str(scales.get("name") or (attributes.get("omero") or {}).get("name") or "")
    return OmeImage(root, _joined(root, array), store.listed(array), axes, shape, channels, pixel, name=name)


def _axes(stated: Any, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and units of the axes."""
    if stated is None:
        if count != len(_OLD_AXES):
            raise ValueError(f"{count} axes without names")
        return _OLD_AXES, ("",) * count
    if len(stated) != count:
        raise ValueError(f"{len(stated)} axes are named, the array has {count}")
    if all(isinstance(axis, str) for axis in stated):  # version 0.3
        return tuple(stated), ("",) * count
    names = tuple(_KINDS.get(axis.get("type", ""), str(axis["name"]).lower()) for axis in stated)
    return names, tuple(str(axis.get("unit") or "") for axis in stated)


def _pixel(scales: Mapping[str, Any], axes: tuple[str, ...], units: tuple[str, ...]) -> float | None:
    sides = [1.0, 1.0]
    stated = False
    for transform in (*scales["datasets"][0].get("coordinateTransformations", ()), *_of_all(scales)):
        if transform.get("type") == "scale" and len(transform.get("scale", ())) == len(axes):
            stated = True
            sides = [side * float(factor) for side, factor in zip(sides, transform["scale"][-2:], strict=True)]
    factor = _MICROMETRES.get(units[-1])
    if not stated or factor is None or units[-1] != units[-2] or not math.isclose(*sides, rel_tol=1e-3):
        return None
    size = round(sides[1] * factor, 6)
    return size if 0 < size < math.inf else None


def _of_all(scales: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return scales.get("coordinateTransformations") or ()


def _joined(*parts: str) -> str:
    return "/".join(part.strip("/") for part in parts if part.strip("/"))


class _Store(abc.ABC):
    """Metadata of one store, by path within it."""

    @abc.abstractmethod
    def content(self, path: str) -> bytes | None:
        """Return a metadata file's content, None where there is none."""

    @abc.abstractmethod
    def need(self, nodes: Iterable[str]) -> None:
        """Read these nodes, together where that is faster."""

    @abc.abstractmethod
    def listed(self, array: str) -> str:
        """Return the digest of an array's files."""

    def numbered(self) -> list[str]:
        """Return the nodes 0, 1, … that there are."""
        found: list[str] = []
        while self.has(str(len(found))):
            found.append(str(len(found)))
        return found

    def has(self, node: str) -> bool:
        """Return whether a node has metadata."""
        return any(self.content(_joined(node, name)) is not None for name in (".zattrs", "zarr.json"))

    def attributes(self, node: str) -> dict[str, Any]:
        """Return the OME metadata of a group, or {}."""
        content = self.content(_joined(node, "zarr.json"))
        if content is not None:
            attributes = json.loads(content).get("attributes", {})
            return dict(attributes.get("ome", attributes))
        content = self.content(_joined(node, ".zattrs"))
        return {} if content is None else dict(json.loads(content))

    def array(self, node: str) -> dict[str, Any]:
        """Return the metadata of an array."""
        for name in ("zarr.json", ".zarray"):
            content = self.content(_joined(node, name))
            if content is not None:
                return dict(json.loads(content))
        raise KeyError(_joined(node, ".zarray"))


class _FolderStore(_Store):
    def __init__(self, folder: Folder, root: str) -> None:
        self._folder, self._root = folder, root
        self._read: dict[str, bytes] = {}

    @staticmethod
    def read_ahead(stores: Iterable[_Store], nodes: Iterable[str]) -> None:
        """Read the same nodes of many stores at once."""
        mine = [store for store in stores if isinstance(store, _FolderStore)]
        wanted = {path: store for store in mine for node in nodes for path in store._paths(node)}
        for path, content in mine[0]._folder.read_many(wanted).items() if mine else ():
            wanted[path]._read[path] = content

    def _paths(self, node: str) -> list[str]:
        return [_joined(self._root, node, name) for name in (".zattrs", ".zarray", "zarr.json")]

    def need(self, nodes: Iterable[str]) -> None:
        wanted = [path for node in nodes for path in self._paths(node) if path not in self._read]
        self._read |= self._folder.read_many(wanted)

    def content(self, path: str) -> bytes | None:
        full = _joined(self._root, path)
        if full not in self._read and full in self._folder:
            self._read |= self._folder.read_many([full])
        return self._read.get(full)

    def listed(self, array: str) -> str:
        return self._folder.arrays[_joined(self._root, array)].listed


class _ArchiveStore(_Store):
    def __init__(self, folder: Folder, root: str) -> None:
        with Tree(folder.store, root) as tree:
            names = tree.sizes()
            self._names = sorted(names)
            metadata = [name for name in names if name.rpartition("/")[2] in METADATA]
            self._contents = {name: tree.reader(name)() for name in metadata}

    def need(self, nodes: Iterable[str]) -> None:
        """Do nothing: all metadata were read together."""

    def content(self, path: str) -> bytes | None:
        return self._contents.get(path)

    def listed(self, array: str) -> str:
        cut = len(array) + 1
        return digest_of(name[cut:] for name in self._names if name.startswith(f"{array}/"))
