"""Invariants of the selection from the published release.

The tables are made up.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.recipe import Recipe
from builder.release.read import MISSING, ROWS, Release
from builder.release.select import select_released
from builder.release.sources import SourceFacts
from builder.schema import PART_ROWS, REJECTS, SELECTION
from builder.sources.common.folder import Notes
from builder.stages.select.choose import Selected

LABELS = {"actin": "cell_visible", "human": "organism", "s8645": "sirna"}
example = st.tuples(
    st.integers(0, 11),  # source image
    st.sampled_from(sorted(LABELS)),
    st.integers(0, 14),  # its pixels
    st.booleans(),  # crop
    st.integers(0, 9),  # 0: cannot be read
)
tables = st.lists(example, min_size=1, max_size=40)


def _released(examples: list[tuple[int, str, int, bool, int]]) -> tuple[Release, pa.Table]:
    rows: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for number, (image, label, pixels, crop, readable) in enumerate(examples):
        file = f"{label}/{label}-{number:06b}.png"
        row = dict.fromkeys(("database", "name", "dir_name", "license", "folder"), "x")
        row |= {
            "file": file,
            "filename": file.rpartition("/")[2],
            "idx": f"x-{image}",
            "label": label,
            "file_signature": number,
        }
        rows.append({**row, "category": LABELS[label], "crop": crop, "scaling": 0.5 if crop else 1.0})
        found = {"pixels_sha256": hashlib.sha256(bytes([pixels])).digest(), "bytes": 100 + pixels, "row": number}
        part = {
            "idx": file,
            "candidate": -1,
            "crop": False,
            "scaling": 1.0,
            "crops": 0,
            "file_signature": number,
            "part": "p",
        }
        parts.append({**part, **(found if readable else {"reason": "unreadable", "detail": "torn"})})
    order = [("idx", "ascending"), ("file", "ascending")]
    table = pa.Table.from_pylist(rows, ROWS).sort_by(order)
    made = pa.Table.from_pylist(parts, PART_ROWS.append(pa.field("part", pa.string())))
    return Release(table, MISSING.empty_table(), SourceFacts(), 0, 0), made


def _select(examples: list[tuple[int, str, int, bool, int]], recipe: Recipe | None = None) -> Selected:
    release, parts = _released(examples)
    return select_released(release, parts, Notes(), recipe or Recipe(validation_share=0.3))


def _components(examples: list[tuple[int, str, int, bool, int]]) -> dict[int, set[int]]:
    """Join source images that share pixels, by repeated passes."""
    sets = [{image} for image in {row[0] for row in examples}]
    for pixels in {row[2] for row in examples}:
        holders = {row[0] for row in examples if row[2] == pixels and row[4]}
        touched = [group for group in sets if group & holders]
        sets = [group for group in sets if not group & holders]
        sets += [set().union(*touched)] if touched else []
    return {image: group for group in sets for image in group}


@given(tables)
@settings(max_examples=80, deadline=None)
def test_invariants(examples: list[tuple[int, str, int, bool, int]]) -> None:
    selected = _select(examples)
    selection, rejects = selected.selection, selected.rejects
    assert selection.schema.equals(SELECTION)
    assert rejects.schema.equals(REJECTS)
    rows = selection.to_pylist()
    by_file = {f"{label}-{number:06b}.png": row for number, row in enumerate(examples) for label in [row[1]]}
    kept = [row["filename"] for row in rows]
    dropped = [row["key"].rpartition("/")[2] for row in rejects.to_pylist()]
    assert sorted(kept + dropped) == sorted(by_file), "nothing is lost, nothing comes twice"
    readable = {row[2] for row in examples if row[4]}
    assert sorted(by_file[name][2] for name in kept) == sorted(readable), "each example, pixel for pixel, once"
    groups = _components(examples)
    sides: dict[frozenset[int], set[str]] = {}
    for row in rows:
        group = groups[int(row["idx"].rpartition("-")[2])]
        assert row["group"] == min(f"x-{image}" for image in group)
        sides.setdefault(frozenset(group), set()).add(row["split"])
        assert row["category"] == LABELS[row["label"]]
        assert row["shard"].startswith(f"data/{row['category']}/{row['split']}-")
    assert all(len(split) == 1 for split in sides.values())
    for shard in {row["shard"] for row in rows}:
        assert [row["position"] for row in rows if row["shard"] == shard] == list(
            range(sum(r["shard"] == shard for r in rows))
        )


@given(tables)
@settings(max_examples=60, deadline=None)
def test_every_drop_is_explained(examples: list[tuple[int, str, int, bool, int]]) -> None:
    selected = _select(examples)
    found = selected.report["release"]["duplicates"]
    reasons = selected.rejects.to_pylist()
    unreadable = [row for row in reasons if row["reason"] == "unreadable"]
    duplicates = [row for row in reasons if row["reason"] == "duplicate"]
    assert len(unreadable) == sum(not row[4] for row in examples) == selected.report["release"]["unreadable"]
    assert len(unreadable) + len(duplicates) == len(reasons)
    kept = {f"{row['label']}/{row['filename']}": row["label"] for row in selected.selection.to_pylist()}
    for row in duplicates:
        stays = row["detail"].removeprefix("same pixels as ").partition(";")[0]
        assert kept[stays] == row["label"] or row["detail"].endswith(f"; conflicting label: {kept[stays]}")
        assert (kept[stays] == row["label"]) == ("conflicting" not in row["detail"])
    assert found["other_label"] == sum("conflicting" in row["detail"] for row in duplicates)
    assert found["same_label"] + found["other_label"] == len(duplicates)


@given(tables, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_of_the_parts_does_not_matter(examples: list[tuple[int, str, int, bool, int]], random: Any) -> None:
    release, parts = _released(examples)
    order = list(range(parts.num_rows))
    random.shuffle(order)
    one = select_released(release, parts, Notes(), Recipe())
    two = select_released(release, parts.take(order), Notes(), Recipe())
    assert one.selection.equals(two.selection)
    assert one.rejects.equals(two.rejects)
    assert one.report == two.report


def test_crops_of_an_image_are_numbered() -> None:
    examples = [(1, "actin", n, crop, 1) for n, crop in enumerate((True, False, True, True))] + [
        (2, "actin", 9, True, 1)
    ]
    rows = {row["filename"]: row["candidate"] for row in _select(examples).selection.to_pylist()}
    assert rows == {
        "actin-000000.png": 0,
        "actin-000001.png": -1,
        "actin-000010.png": 1,
        "actin-000011.png": 2,
        "actin-000100.png": 0,
    }
