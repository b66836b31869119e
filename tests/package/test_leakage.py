"""The leakage audit by the builder's facts of each example."""

from __future__ import annotations

import pyarrow as pa

from builder.package.leakage import audit, batches_on_both_sides, single_source_classes

SIDES = ["train", "validation", "train", "validation"]


def table(**columns: list[str | None]) -> pa.Table:
    plain = {name: [f"{name} {n}" for n in range(4)] for name in ("idx", "group", "batch", "sha256", "pixels_sha256")}
    return pa.table({**plain, "dir_name": ["s"] * 4, "label": ["a"] * 4, "split": SIDES, **columns})


def counts(**columns: list[str | None]) -> list[int]:
    return list(audit(table(**columns), by_batch=False).values())


def test_it_counts_what_is_on_both_sides() -> None:
    assert counts() == [0, 0, 0, 0]
    assert counts(idx=["x", "x", "y", "z"]) == [1, 0, 0, 0]
    assert counts(group=["p", "q", "q", "q"]) == [0, 1, 0, 0]
    assert counts(sha256=["p", "p", "q", "q"]) == [0, 0, 2, 0]
    assert counts(pixels_sha256=["p", "p", "q", "r"]) == [0, 0, 0, 1]


def test_a_group_is_known_by_its_name_whatever_source_holds_it() -> None:
    assert counts(group=["shared:p", "shared:p", "q", "r"], dir_name=["s", "t", "s", "s"]) == [0, 1, 0, 0]


def test_batches_are_counted_where_the_split_promises_them() -> None:
    rows = table(batch=["b", "b", None, None])
    assert audit(rows, by_batch=True)["batches on both sides"] == 1
    assert batches_on_both_sides(rows) == (1, 1)


def test_classes_of_one_source() -> None:
    rows = table(label=["a", "a", "b", "b"], dir_name=["s", "t", "s", "s"])
    assert single_source_classes(rows) == ["b"]
