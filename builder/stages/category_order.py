"""Order of writing categories for the least space with ``--frugal``.

The space is that of WORK and PACKAGE together.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

Feeds = frozenset[str]
"""The categories that examples go to."""


def category_order(work_bytes: Mapping[Feeds, int], package_bytes: Mapping[str, int]) -> tuple[list[str], int]:
    """Return the category order with the lowest peak disk usage.

    The peak, of WORK and PACKAGE together and in bytes, is returned too.

    Parameters
    ----------
    work_bytes : of parts, by the categories that they feed; they go when the last of these is finished
    package_bytes : of each category's shards
    """
    best: tuple[int, tuple[str, ...]] | None = None
    for order in itertools.permutations(sorted(package_bytes)):
        written = peak = 0
        for position, category in enumerate(order):
            written += package_bytes[category]
            left = set(order[position:])
            held = sum(size for feeds, size in work_bytes.items() if feeds & left)
            peak = max(peak, written + held)
        if best is None or (peak, order) < best:
            best = peak, order
    return (list(best[1]), best[0]) if best else ([], 0)
