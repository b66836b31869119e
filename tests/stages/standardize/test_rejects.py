"""Images that the parts refused.

They are counted since a given time and forgotten on request.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from builder.engine.store import Store
from builder.errors import UserError
from builder.stages import work_files
from builder.stages.standardize.item import Item
from builder.stages.standardize.make_part import rejected_row
from builder.stages.standardize.part_rows import covered
from builder.stages.standardize.parts import write_part
from builder.stages.standardize.rejects import forget, refused


def item(number: int) -> Item:
    return Item(f"a-{number}", "a", (f"{number}.png",), (0,), None, 1, 7)


def part(work: Store, reasons: dict[int, str], fingerprint: str = "f") -> str:
    items = [item(number) for number in reasons]
    rows = [rejected_row(item(number), reason, f"why {number}") for number, reason in reasons.items()]
    made = [(one.idx, one.crops, one.file_signature) for one in items]
    return write_part(work, fingerprint, "a", made, rows, [])


@pytest.fixture
def work(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.write_bytes(work_files.PRESENT, b"f")
    return store


def test_each_reason_is_counted_with_its_first_error(work: Store) -> None:
    part(work, {1: "unreadable", 2: "dim", 3: "unreadable"})
    part(work, {9: "unreadable"}, "another recipe")
    found = refused(work)
    assert list(found) == ["unreadable", "dim"]
    assert (found["unreadable"].count, found["unreadable"].example) == (2, "a-1: why 1")
    assert found["dim"].since.endswith("Z")


def test_what_is_forgotten_is_to_be_made_again_and_nothing_else(work: Store) -> None:
    kept = part(work, {1: "unreadable", 2: "dim"})
    gone = part(work, {3: "unreadable"})
    other = part(work, {4: "unreadable"}, "another recipe")
    assert forget(work, "f", ["unreadable"]) == 2
    assert covered(work, "f")["idx"].to_pylist() == ["a-2"]
    assert not work.exists(f"{gone}.parquet")
    assert covered(work, "another recipe")["idx"].to_pylist() == ["a-4"]
    assert work.exists(f"{other}.parquet")
    with work.open(f"{kept}.parquet") as file:
        assert pq.read_table(file)["reason"].to_pylist() == ["dim"]
    assert list(refused(work)) == ["dim"]


def test_an_unknown_reason_is_named(work: Store) -> None:
    with pytest.raises(UserError, match="unknown reason dimm"):
        forget(work, "f", ["dimm"])
