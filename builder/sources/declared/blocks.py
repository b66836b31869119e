"""Fields, or rows of a list, as columns.

Those with the same channels lie together in blocks, so that what is alike is worked out once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from builder.sources.base import Region

T = TypeVar("T")

SIZE: Final = 4096
"""Most fields of a block, and paths that are looked at together."""


class Field(NamedTuple):
    """A field or row.

    It has facts, files by channel and perhaps a box. The channel is '' where there is just one.
    """

    facts: tuple[str, ...]
    files: dict[str, str]
    region: Region | None = None


class Block(NamedTuple):
    """Fields with the same channels.

    Of each fact there is a column of values, of each channel one of paths; ``regions`` is None where none has a box.
    """

    size: int
    facts: tuple[Sequence[str], ...]
    channels: tuple[str, ...]
    paths: tuple[Sequence[str], ...]
    regions: Sequence[Region | None] | None = None

    def files(self, place: int) -> dict[str, str]:
        """Return one field's files by channel."""
        return {channel: column[place] for channel, column in zip(self.channels, self.paths, strict=True)}

    def taken(self, places: Sequence[int]) -> Block:
        """Return some of the fields, in this order."""
        return Block(
            len(places),
            tuple([_at(column, places) for column in self.facts]),
            self.channels,
            tuple([_at(column, places) for column in self.paths]),
            None if self.regions is None else _at(self.regions, places),
        )


def blocks(fields: Iterable[Field], facts: int) -> Iterator[Block]:
    """Yield the fields in their order, in blocks.

    Parameters
    ----------
    facts : how many each field has
    """
    for channels, alike in itertools.groupby(fields, key=lambda field: tuple(field.files)):
        for some in pieces(alike):
            said, files, regions = zip(*some, strict=True)
            yield Block(
                len(some),
                tuple(zip(*said, strict=True)) if facts else (),
                channels,
                tuple(zip(*map(dict[str, str].values, files), strict=True)),
                regions if any(regions) else None,
            )


def fields_of(block: Block) -> Iterator[Field]:
    """Yield the fields of a block."""
    facts = zip(*block.facts, strict=True) if block.facts else itertools.repeat((), block.size)
    regions = block.regions or itertools.repeat(None, block.size)
    for place, (said, region) in enumerate(zip(facts, regions, strict=True)):
        yield Field(said, block.files(place), region)


def pieces(values: Iterable[T], size: int | None = None) -> Iterator[list[T]]:
    """Yield values in lists of at most ``size``."""
    values = iter(values)
    while piece := list(itertools.islice(values, size or SIZE)):
        yield piece


def parts(start: int, stop: int) -> Iterator[slice]:
    """Yield slices of at most ``SIZE`` places.

    They go from ``start`` to before ``stop``."""
    for first in range(start, stop, SIZE):
        yield slice(first, min(stop, first + SIZE))


def spans(count: int, key: Callable[[int], object]) -> Iterator[tuple[int, int]]:
    """Yield start and stop of equal neighbours."""
    stop = 0
    for _, alike in itertools.groupby(range(count), key=key):
        start, stop = stop, stop + sum(1 for _ in alike)
        yield start, stop


def _at(column: Sequence[T], places: Sequence[int]) -> list[T]:
    return [column[place] for place in places]
