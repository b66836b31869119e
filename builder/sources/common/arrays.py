"""Images of many files: Zarr arrays, and Olympus VSI."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from builder.engine.trees import PIXELS_OF_VSI, VSI, digest_of
from builder.sources.common.listing import MASK

ZARR: Final = ".zarr"
METADATA: Final = frozenset((".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json"))
"""Files of a store that say what is in it: those of version 2, and that of version 3."""
_OF_A_NODE: Final = (".zarray", "zarr.json")


class Array(NamedTuple):
    """Files of a Zarr node, taken together.

    Parameters
    ----------
    signature : a 63-bit number that changes when one of them does, comes or goes
    listed : digest of their names, as ``trees.digest_of``
    """

    signature: int
    listed: str


def set_apart(signatures: dict[str, int]) -> tuple[dict[str, int], dict[str, Array]]:
    """Return files that are no chunks, and arrays by folder.

    Chunks belong to the nearest folder above them with metadata, as metadata do. What lies in folders named ``.zarr``
    is looked at.
    """
    inside = [path for path in signatures if ".zarr/" in path]
    if not inside:
        return signatures, {}
    nodes = {path.rpartition("/")[0] for path in inside if path.rpartition("/")[2] in _OF_A_NODE}
    files = {path: signature for path, signature in signatures.items() if ".zarr/" not in path}
    members: dict[str, dict[str, int]] = {node: {} for node in nodes}
    known: dict[str, str] = {}
    for path in inside:
        folder, _, name = path.rpartition("/")
        node = known.get(folder)
        if node is None:
            node = known[folder] = _node_of(folder, nodes)
        if name in METADATA or not node:
            files[path] = signatures[path]
        if node:
            members[node][path[len(node) + 1 :]] = signatures[path]
    return files, {node: _array(found) for node, found in members.items()}


def with_pixels(signatures: dict[str, int]) -> dict[str, int]:
    """Return signatures in which a VSI's counts its pixel files.

    They lie in ``_NAME_/stackN`` beside ``NAME.vsi``.
    """
    pixels = [path for path in signatures if path.endswith(PIXELS_OF_VSI)]
    if not pixels:
        return signatures
    named = {path.lower(): path for path in signatures if path.lower().endswith(VSI)}
    found = dict(signatures)
    for path in sorted(pixels):
        above, _, folder = path.rpartition("/")[0].rpartition("/")[0].rpartition("/")
        whole = named.get(f"{above}/{folder[1:-1]}{VSI}".lstrip("/").lower())
        if whole is not None:
            found[whole] = (found[whole] * 0x9E3779B97F4A7C15 + signatures[path]) & MASK
    return found


def _node_of(folder: str, nodes: set[str]) -> str:
    while folder and folder not in nodes:
        folder = folder.rpartition("/")[0]
    return folder


def _array(files: Mapping[str, int]) -> Array:
    digest = hashlib.blake2b(digest_size=8)
    for rel in sorted(files):
        digest.update(f"{rel}\0{files[rel]}\0".encode("utf-8", "surrogatepass"))
    return Array(int.from_bytes(digest.digest(), "big") & MASK, digest_of(files))
