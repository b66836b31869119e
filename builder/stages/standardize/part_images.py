"""Parts that still have their PNGs in WORK.

``--frugal`` removes the PNGs; the rows about them stay.
"""

from __future__ import annotations

from typing import Final

from builder.engine.store import Store
from builder.stages import work_files
from builder.stages.standardize.parts import FAULTY

IMAGES: Final = ".arrow"
"""How the names of the files with PNGs end."""


def images_of_parts(work: Store) -> dict[str, int]:
    """Return the bytes of PNGs of each part with any.

    Parts that refuse a file's images have none.
    """
    sizes = work.sizes(work_files.PARTS)
    names = [path.removesuffix(IMAGES) for path in sizes if path.endswith(IMAGES)]
    return {name: sizes[name + IMAGES] for name in names if not name.rpartition("/")[2].startswith(FAULTY)}


def bytes_of_images(work: Store) -> int:
    """Return how many bytes of PNGs WORK holds."""
    return sum(images_of_parts(work).values())


def parts_without_images(work: Store) -> int:
    """Return how many parts' PNGs were removed from WORK."""
    there = images_of_parts(work)
    rows = [path.removesuffix(".parquet") for path in work.sizes(work_files.PARTS) if path.endswith(".parquet")]
    return sum(not name.rpartition("/")[2].startswith(FAULTY) and name not in there for name in rows)
