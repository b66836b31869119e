"""Detection, by grain, of similar round cells that are one.

Only where the whole images are there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from builder.engine.store import Store
from builder.package.content_audit import Pair
from builder.package.examples_at import examples_of
from builder.pixels.fingerprint import fingerprint
from builder.pixels.overlap import same_grain
from cytoimagenet_reader.decode import decode

_JUDGED: Final = 200  # pairs: each takes some 50 ms


class Judged(NamedTuple):
    """The similar pairs, without those alike in outline only."""

    alike: list[Pair]
    outlines: int  # pairs that differ in grain
    left: int  # symmetric pairs that were not looked at


def judged(
    package: Store, files: Mapping[str, Any], table: pa.Table, pairs: Sequence[Pair], most: int = _JUDGED
) -> Judged:
    """Judge the symmetric pairs, the most alike alone.

    Images that were cut are not judged: their whole is not there.

    Parameters
    ----------
    files : of the manifest; the shards must be intact
    table : sha256 of each example
    pairs : the most alike first
    most : symmetric pairs that are judged
    """
    asked = [pair for pair in pairs if pair.symmetric]
    some = asked[:most]
    rows = sorted({row for pair in some for row in (pair.train, pair.validation)})
    images = dict(zip(rows, examples_of(package, files, rows), strict=True))
    hashes = dict(zip(rows, table["sha256"].take(pa.array(rows, pa.int64())).to_pylist(), strict=True))

    def differs(pair: Pair) -> bool:
        one, other = (decode(images[row]) for row in (pair.train, pair.validation))
        known = [hashes[row] for row in (pair.train, pair.validation)]
        if [fingerprint(pixels).sha256 for pixels in (one, other)] != known:
            return False  # crops
        return not same_grain(one, other)

    outlines = {pair for pair in some if differs(pair)}
    waiting = set(asked[most:])
    left = [pair for pair in pairs if pair not in outlines and pair not in waiting]
    return Judged(left, len(outlines), len(waiting))
