"""Channel names from the index files that instruments write.

Harmony: ``Index.idx.xml`` (older ``Index.xml``, ``Index.ref.xml``), an ``Entry`` a channel, or the channel of every
``Image``. CellVoyager: ``*.mes``, elements with a channel number and a target. MetaXpress: ``*.HTD``, lines
``"WaveName1", "DAPI"``. An index holds for its folder and those below.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from builder.sources.common.folder import Folder
from builder.sources.declared.choice import channel_key

Named = dict[str, str]
_WAVE: Final = re.compile(rb'"WaveName(\d+)"\s*,\s*"([^"]*)"')
_ACTIONS: Final = range(1, 10)
_MOST: Final = 1 << 20  # bytes of a .HTD, which has some hundred lines


def channel_names(folder: Folder, index: str) -> dict[str, Named]:
    """Return the channel names that index files state, by folder.

    Keys are those of channels in file names; an index that cannot be read is noted.
    """
    suffixes, read = _READERS[index] if index else ((), _nothing)
    found: dict[str, Named] = {}
    for path in folder.paths(*suffixes) if index else ():
        try:
            with folder.open(path) as file:
                names = {channel_key(key): name.strip() for key, name in read(file) if name.strip()}
        except ET.ParseError as error:
            folder.notes.add("index files that cannot be read", f"{path}: {error}")
            continue
        found.setdefault(path[: path.rfind("/") + 1], {}).update(names)
    return found


def names_for(path: str, found: dict[str, Named]) -> Named:
    """Return the channel names that hold for a file.

    They are those of the nearest index, in its folder or one above.
    """
    while found:
        path = path[: path.rstrip("/").rfind("/") + 1]
        if path in found:
            return found[path]
        if not path:
            break
    return {}


def _harmony(file: BinaryIO) -> Iterator[tuple[str, str]]:
    for _, element in ET.iterparse(file):
        tag = _local(element.tag)
        if tag not in ("Entry", "Image"):
            continue
        texts = {_local(child.tag): child.text or "" for child in element}
        key = element.get("ChannelID") or texts.get("ChannelID", "")
        if key and texts.get("ChannelName"):
            yield key, texts["ChannelName"]
        element.clear()


def _cellvoyager(file: BinaryIO) -> Iterator[tuple[str, str]]:
    for _, element in ET.iterparse(file):
        said = {_local(name): value for name, value in element.attrib.items()}
        if said.get("Ch", "").isdecimal() and said.get("Target"):
            yield from ((f"A{action}C{said['Ch']}", said["Target"]) for action in _ACTIONS)


def _metaxpress(file: BinaryIO) -> Iterator[tuple[str, str]]:
    for match in _WAVE.finditer(file.read(_MOST)):
        yield match[1].decode(), match[2].decode("latin-1")


def _nothing(_: BinaryIO) -> Iterator[tuple[str, str]]:
    return iter(())


def _local(name: str) -> str:
    return name.rpartition("}")[2]


_READERS: Final[dict[str, tuple[tuple[str, ...], Callable[[BinaryIO], Iterator[tuple[str, str]]]]]] = {
    "harmony": (("index.idx.xml", "index.xml", "index.ref.xml"), _harmony),
    "cellvoyager": ((".mes",), _cellvoyager),
    "htd": ((".htd",), _metaxpress),
}
