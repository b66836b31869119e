from __future__ import annotations

import random
from pathlib import Path

import pytest

from builder.engine.store import Store
from builder.stages.shard.part_images import PartImageReader
from builder.stages.standardize.item import Item, made_from
from builder.stages.standardize.parts import write_part


def write_parts(work: Store, parts: int, examples: int, size: int) -> dict[str, list[bytes]]:
    """Write parts of random bytes for PNGs; return {part: examples}."""
    draw = random.Random(1)
    made = {}
    for n in range(parts):
        images = [Item(f"s-{n}-{m}", "s", ("f",), (0,), None, 1, 1) for m in range(examples)]
        content = [draw.randbytes(draw.randrange(size // 2, size)) for _ in images]
        made[write_part(work, "made", "s", map(made_from, images), [], content)] = content
    return made


def wanted(made: dict[str, list[bytes]], count: int) -> tuple[list[str], list[int]]:
    draw = random.Random(2)
    places = [(part, row) for part, content in made.items() for row in range(len(content))]
    chosen = draw.sample(places, count)
    return [part for part, _ in chosen], [row for _, row in chosen]


def test_examples_of_a_local_work_come_in_the_order_asked_for(tmp_path: Path) -> None:
    work = Store(tmp_path)
    made = write_parts(work, 3, 10, 2_000)
    parts, rows = wanted(made, 20)
    assert PartImageReader(work).read_all(parts, rows) == [
        made[part][row] for part, row in zip(parts, rows, strict=True)
    ]


def test_a_remote_work_is_asked_for_little_more_than_the_examples() -> None:
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    from tests.engine.s3 import running_server

    with running_server() as server:
        work = Store(f"s3://{server.bucket()}/work", server.options())
        made = write_parts(work, 5, 60, 60_000)
        parts, rows = wanted(made, 40)
        sent: list[int] = []
        server.faults.sent = lambda method, path, size: sent.append(size) if method == "GET" else None
        reader = PartImageReader(work)
        found = reader.read_all(parts[:30], rows[:30]) + reader.read_all(parts[30:], rows[30:])
        assert found == [made[part][row] for part, row in zip(parts, rows, strict=True)]
        assert len(sent) <= 40 + 3 * 5, "a request an example, and three for the end of each part"
        assert sum(sent) <= 5 * sum(map(len, found))
