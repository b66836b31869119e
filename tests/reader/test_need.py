"""Batches are fetched in the order that rows need them.

Whatever the streams.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoimagenet_reader import need
from cytoimagenet_reader.package import Shard
from cytoimagenet_reader.remote.prefetch import Need
from cytoimagenet_reader.streams import Stream, count_rows, cut_streams

CATEGORIES = ("organism", "gene", "compound")


@st.composite
def splits(draw: Any) -> tuple[list[Stream], int]:
    """Draw streams of shards, and how many rows to skip.

    Batches have any size; some rows of the shards are wanted.
    """
    shards, rows = [], {}
    filtered, parquet = draw(st.booleans()), draw(st.booleans())
    for category in CATEGORIES[: draw(st.integers(1, 3))]:
        total = draw(st.integers(1, 3))
        for number in range(total):
            batches = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=8)))
            count = sum(batches)
            offsets = tuple(100 + 10 * sum(batches[:i]) for i in range(len(batches)))
            path = f"data/{category}/train-{number:05d}-of-{total:05d}.{'parquet' if parquet else 'arrow'}"
            footer = 100 + 10 * count if parquet else 0
            shards.append(Shard(path, count, 108 + 10 * count, "", category, "train", batches, offsets, footer))
            wanted = draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True))
            rows[path] = np.array(sorted(wanted))
    streams = cut_streams(shards, rows if filtered else None, 4, draw(st.integers(1, 4)))
    return streams, draw(st.integers(0, count_rows(streams)))


def asked(streams: list[Stream], skip: int) -> list[tuple[str, int]]:
    """Return (path, batch) in the order that rows need them.

    A plain reading, row by row.
    """
    order: list[tuple[str, int]] = []
    for stream in streams:
        by_category: dict[str, list[tuple[str, int]]] = {}
        for part in stream:
            numbers = range(part.shard.rows) if part.rows is None else part.rows
            batch_of = np.repeat(np.arange(len(part.shard.batch_rows)), part.shard.batch_rows)
            found = by_category.setdefault(part.shard.category, [])
            found += [(part.shard.path, int(batch_of[n])) for n in numbers[part.start : part.stop]]
        runs = [
            [((i + 0.5) / len(found), place, batch) for i, batch in enumerate(found)]
            for place, found in enumerate(by_category.values())
        ]
        given_rows = list(heapq.merge(*runs))
        left = given_rows[skip:]
        skip = max(skip - len(given_rows), 0)
        nexts: dict[int, list[tuple[str, int]]] = {}
        for _, place, batch in left:
            nexts.setdefault(place, []).append(batch)
        if not left:
            continue
        open_batches: dict[int, tuple[str, int]] = {}
        for place in sorted(nexts):  # the first row of each category is there before any is given
            open_batches[place] = nexts[place].pop(0)
            order.append(open_batches[place])
        for _, place, _ in left:  # after a row is given, the next of its category is looked at
            if nexts[place]:
                batch = nexts[place].pop(0)
                if batch != open_batches[place]:
                    open_batches[place] = batch
                    order.append(batch)
    return order


@settings(max_examples=150, deadline=None)
@given(splits())
def test_batches_are_fetched_in_the_order_in_which_rows_need_them(made: tuple[list[Stream], int]) -> None:
    streams, skip = made
    runs = list(need.runs_of(streams, skip))
    found = list(need.needs_of(runs, need.read_whole(runs)))
    footers = {}
    for piece, following in itertools.pairwise(found):
        if piece.key == need.FOOTER:  # just before the first of its shard, wherever the category came from another
            assert following.path == piece.path
            footers[piece.path.split("/")[1]] = piece.path
        elif piece.path.endswith(".parquet"):
            assert footers[piece.path.split("/")[1]] == piece.path
    assert [(piece.path, piece.key) for piece in found if piece.key != need.FOOTER] == asked(streams, skip)


@settings(max_examples=100, deadline=None)
@given(splits())
def test_a_shard_is_whole_where_its_pieces_are_its_bytes(made: tuple[list[Stream], int]) -> None:
    streams, skip = made
    runs = list(need.runs_of(streams, skip))
    whole = need.read_whole(runs)
    pieces: dict[str, list[Need]] = {}
    for piece in need.needs_of(runs, whole):
        pieces.setdefault(piece.path, []).append(piece)
    sizes = {part.shard.path: part.shard.bytes for stream in streams for part in stream}
    for path in whole:
        reached = 0
        for piece in sorted(pieces[path], key=lambda piece: piece.low):  # a footer comes first
            assert piece.low <= reached
            reached = max(reached, piece.high)
        assert reached == sizes[path]
