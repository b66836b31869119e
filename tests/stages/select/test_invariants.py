"""What holds for every selection, whatever the tables."""

from __future__ import annotations

import random
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.recipe import Recipe
from builder.stages.select.choose import Selected
from tests.stages.made_parts import Tables, image, kept, sides_are_pure, tables

pytestmark = pytest.mark.slow

candidate = st.fixed_dictionaries(
    {
        "pixels": st.sampled_from("abcdefghij") | st.uuids().map(str),
        "reason": st.none() | st.none() | st.sampled_from(["crop_dim", "dim"]),
        "bytes": st.integers(1, 5000),
    }
)


@st.composite
def some_images(draw: st.DrawFn) -> Tables:
    images = []
    for number in range(draw(st.integers(0, 40))):
        candidates = draw(st.lists(candidate, min_size=0, max_size=4))
        made = [{"candidate": c, **one} for c, one in enumerate(candidates)]
        facts = {
            "label": draw(st.sampled_from(["a", "A", "b c", "μ"])),
            "group": draw(st.sampled_from("pqrstuvw")),
        }
        images.append(image(number, **facts) | {"examples": made})
    return tables(images)


@settings(max_examples=80, deadline=None)
@given(some_images(), st.integers(1, 20), st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_invariants(given_tables: Tables, size: int, seed: int, chance: random.Random) -> None:
    recipe = Recipe(seed=seed, class_size=size, min_class_size=min(2, size), shard_bytes=9000, validation_share=0.3)
    selected = given_tables.select(recipe)
    assert nothing_lost(given_tables, selected)
    assert sides_are_pure(selected, "group")
    assert sides_are_pure(selected, "idx")
    hashes = selected.selection["pixels_sha256"].to_pylist()
    assert len(set(hashes)) == len(hashes)
    paths = zip(selected.selection["path"].to_pylist(), selected.selection["filename"].to_pylist(), strict=True)
    assert len({"/".join(path).lower() for path in paths}) == len(hashes)
    for count in Counter(selected.selection["label"].to_pylist()).values():
        assert recipe.min_class_size <= count <= size
    assert in_shard_order(selected.selection)
    again = Tables(*(shuffled(table, chance) for table in given_tables)).select(recipe)
    assert again.selection.equals(selected.selection)
    assert again.rejects.equals(selected.rejects)
    assert again.report == selected.report


def nothing_lost(given_tables: Tables, selected: Selected) -> bool:
    rows = zip(given_tables.rows["idx"].to_pylist(), given_tables.rows["candidate"].to_pylist(), strict=True)
    gone = zip(selected.rejects["idx"].to_pylist(), selected.rejects["candidate"].to_pylist(), strict=True)
    return sorted(rows) == sorted([*kept(selected), *gone])


def in_shard_order(selection: pa.Table) -> bool:
    places = list(zip(selection["shard"].to_pylist(), selection["position"].to_pylist(), strict=True))
    counts = Counter(shard for shard, _ in places)
    return places == [(shard, i) for shard in sorted(counts) for i in range(counts[shard])]


def shuffled(table: pa.Table, chance: random.Random) -> pa.Table:
    return table.take(pa.array(chance.sample(range(table.num_rows), table.num_rows), pa.int64()))
