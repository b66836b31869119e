"""Which rows of which parts a build takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from builder.engine.store import Store
from builder.errors import UserError
from builder.stages.standardize.part_rows import covered, read_parts, rows_of, without
from builder.stages.standardize.parts import FAULTY, write_part


def part(work: Store, *images: tuple[str, int, int], kind: str = "part", fingerprint: str = "f", **facts: Any) -> str:
    """Write a part of images: (idx, crops, file_signature).

    It holds one row per image.
    """
    folder = images[0][0].rpartition("-")[0]
    rows = [
        {
            "idx": idx,
            "candidate": -1,
            "crop": False,
            "scaling": 1.0,
            "crops": crops,
            "file_signature": file_signature,
            "row": n,
            **facts,
        }
        for n, (idx, crops, file_signature) in enumerate(images)
    ]
    return write_part(work, fingerprint, folder, images, rows, [b"png"] * len(images), kind)


def images(*wanted: tuple[str, int, int]) -> pa.Table:
    return pa.table(
        {
            "idx": pa.array([idx for idx, _, _ in wanted], pa.string()),
            "dir_name": pa.array([idx.rpartition("-")[0] for idx, _, _ in wanted], pa.string()),
            "crops": pa.array([crops for _, crops, _ in wanted], pa.int8()),
            "file_signature": pa.array([file_signature for _, _, file_signature in wanted], pa.int64()),
        }
    )


def taken(rows: pa.Table) -> set[tuple[str, str]]:
    return set(zip(rows["idx"].to_pylist(), rows["part"].to_pylist(), strict=True))


@pytest.fixture
def work(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_only_what_was_made_from_just_the_wanted_is_taken(work: Store) -> None:
    one = part(work, ("a-1", 1, 7), ("a-2", 1, 7), ("a-3", 1, 7))
    two = part(work, ("a-2", 4, 7), ("a-3", 1, 8))
    other = part(work, ("b-1", 1, 7))
    part(work, ("a-9", 1, 7))  # wanted by another recipe
    part(work, ("b-2", 1, 7), fingerprint="of other code")
    rows = rows_of(work, "f", images(("b-1", 1, 7), ("a-3", 1, 8), ("a-1", 1, 7), ("a-2", 4, 7)))
    assert taken(rows) == {("a-1", one), ("a-2", two), ("a-3", two), ("b-1", other)}
    assert rows.num_rows == 4


def test_an_image_in_two_parts_is_taken_once_from_the_first_by_name(work: Store) -> None:
    parts = sorted([part(work, ("a-1", 1, 7)), part(work, ("a-1", 1, 7), ("a-2", 1, 7))])
    rows = rows_of(work, "f", images(("a-1", 1, 7)))
    assert taken(rows) == {("a-1", parts[0])}


def test_parts_that_have_their_images_come_first_and_refusals_of_a_file_before_all(work: Store) -> None:
    first, second = sorted([part(work, ("a-1", 1, 7)), part(work, ("a-1", 1, 7), ("a-2", 1, 7))])
    work.delete(f"{first}.arrow")
    assert taken(rows_of(work, "f", images(("a-1", 1, 7)))) == {("a-1", second)}
    work.delete(f"{second}.arrow")
    assert taken(rows_of(work, "f", images(("a-1", 1, 7)))) == {("a-1", first)}
    faulty = part(work, ("a-1", 1, 7), kind=FAULTY, reason="crashed")
    assert taken(rows_of(work, "f", images(("a-1", 1, 7)))) == {("a-1", faulty)}


@pytest.mark.parametrize("wanted", [("a-2", 1, 7), ("a-1", 2, 7), ("a-1", 1, 8), ("c-1", 1, 7)])
def test_an_image_in_no_part_is_named(work: Store, wanted: tuple[str, int, int]) -> None:
    part(work, ("a-1", 1, 7))
    with pytest.raises(UserError, match=f"1 images are in no part, for instance {wanted[0]}"):
        rows_of(work, "f", images(wanted))


def test_what_is_covered_is_counted_once(work: Store) -> None:
    part(work, ("a-1", 1, 7), ("a-2", 1, 7))
    part(work, ("a-2", 1, 7))
    wanted = images(("a-1", 1, 7), ("a-2", 1, 7), ("a-2", 2, 7), ("a-3", 1, 7))
    assert covered(work, "f").num_rows == 2
    missing = without(wanted, covered(work, "f"))
    assert sorted(zip(missing["idx"].to_pylist(), missing["crops"].to_pylist(), strict=True)) == [
        ("a-2", 2),
        ("a-3", 1),
    ]
    assert covered(work, "g").num_rows == 0


def test_more_parts_than_are_read_at_once_come_in_order(work: Store) -> None:
    written = sorted(part(work, (f"a-{n}", 1, 7)) for n in range(150))
    assert [path for path, _ in read_parts(work, "f", ["idx"])] == written
