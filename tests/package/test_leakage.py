"""The leakage audit against a plain comparison of all pairs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from builder.package.leakage import audit, near_duplicates, single_source_classes


def table(hashes: list[int], sides: list[str], **columns: list[str]) -> pa.Table:
    count = len(hashes)
    plain = {"idx": [f"i{n}" for n in range(count)], "group": [f"g{n}" for n in range(count)]}
    plain |= {"dir_name": ["s"] * count, "label": ["a"] * count, **columns}
    pixels = pa.array([n.to_bytes(32, "little") for n in range(count)], pa.binary(32))
    return pa.table({**plain, "split": sides, "phash": pa.array(hashes, pa.uint64()), "pixels_sha256": pixels})


def test_near_duplicates_are_all_pairs_within_three_bits() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**64, 60, dtype=np.uint64)
    hashes = []
    for value in base.tolist():
        for flips in range(6):
            bits = rng.choice(64, flips, replace=False).tolist()
            hashes.append(value ^ sum(1 << bit for bit in bits))
    sides = rng.choice(["train", "validation"], len(hashes)).tolist()
    plain = {
        (hashes[a], hashes[b], (hashes[a] ^ hashes[b]).bit_count())
        for a in range(len(hashes))
        for b in range(len(hashes))
        if sides[a] == "train" and sides[b] == "validation" and (hashes[a] ^ hashes[b]).bit_count() <= 3
    }
    found = near_duplicates(table(hashes, sides))
    assert len(plain) > 50
    assert {(hashes[near.train], hashes[near.validation], near.distance) for near in found} == plain
    assert [near.distance for near in found] == sorted(near.distance for near in found)
    assert all(sides[near.train] == "train" and sides[near.validation] == "validation" for near in found)


def test_the_audit_counts_what_is_on_both_sides() -> None:
    rows = table([1, 2, 3, 4], ["train", "validation", "train", "validation"], idx=["x", "x", "y", "z"])
    assert list(audit(rows).values()) == [1, 0, 0]
    rows = table([1, 2, 3, 4], ["train", "validation", "train", "validation"], group=["p", "q", "q", "q"])
    assert list(audit(rows).values()) == [0, 1, 0]
    rows = table([1, 2], ["train", "validation"], group=["p", "p"], dir_name=["s", "t"])
    assert list(audit(rows).values()) == [0, 0, 0]  # groups of two sources may have one name


def test_classes_of_one_source() -> None:
    rows = table([1, 2, 3], ["train"] * 3, label=["a", "a", "b"], dir_name=["s", "t", "s"])
    assert single_source_classes(rows) == ["b"]
