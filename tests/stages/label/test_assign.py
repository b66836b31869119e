"""Which classes there are and who is in them.

Compared with section 2 of the method and with a slow reading of it.
"""

from __future__ import annotations

import dataclasses
import logging
import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import UserError
from builder.recipe import Recipe
from builder.schema import ASSIGNMENTS, CATEGORIES, TOKEN_SEPARATOR
from builder.stages.label.assign import assign_labels
from tests.stages.label import reference_labels
from tests.stages.tables import TEXTS, TOKENS, random_rows, table

pytestmark = pytest.mark.slow


def found(assignments: pa.Table) -> dict[str, tuple[str, str]]:
    return {row["idx"]: (row["label"], row["category"]) for row in assignments.to_pylist()}


def classes(assignments: pa.Table) -> dict[str, int]:
    return dict(Counter(assignments["label"].to_pylist()))


def random_recipe(chance: random.Random) -> Recipe:
    size = chance.randint(2, 12)
    return Recipe(
        seed=chance.randint(0, 3),
        min_images=chance.randint(1, 6),
        class_size=size,
        presample_size=size + chance.randint(0, 12),
        drop_labels=tuple(chance.sample(TOKENS, chance.choice((0, 0, 1)))),
        rename_labels=dict([chance.sample(TOKENS, 2)]) if chance.random() < 0.3 else {},
    )


@pytest.mark.parametrize("block", range(5))
def test_agrees_with_the_slow_reference(block: int) -> None:
    for seed in range(block * 400, block * 400 + 400):
        chance = random.Random(seed)
        rows = random_rows(chance, chance.randint(0, 40))
        recipe = random_recipe(chance)
        assert found(assign_labels(table(rows), recipe)) == reference_labels.assign(rows, recipe), seed


def test_agrees_with_the_reference_where_few_of_many_rows_are_drawn() -> None:
    """The table is large enough for the partial sort.

    It sorts only the rows with small draws.
    """
    chance = random.Random(7)
    rows = random_rows(chance, 4000, TOKENS[:2])
    recipe = Recipe(min_images=20, class_size=40, presample_size=150)
    assert found(assign_labels(table(rows), recipe)) == reference_labels.assign(rows, recipe)


LISTED = ("protein", "infection", "mock", "cdk negative_control", "ctr")


@pytest.mark.parametrize("block", range(2))
def test_agrees_with_the_slow_reference_on_tokens_that_are_no_class(block: int) -> None:
    """The reference reads the vocabulary's table itself."""
    for seed in range(block * 300, block * 300 + 300):
        chance = random.Random(seed)
        rows = random_rows(chance, chance.randint(0, 40), (*TOKENS[:3], *LISTED))
        recipe = random_recipe(chance)
        if chance.random() < 0.3:
            recipe = dataclasses.replace(recipe, rename_labels={chance.choice(LISTED): chance.choice(TOKENS)})
        assert found(assign_labels(table(rows), recipe)) == reference_labels.assign(rows, recipe), seed


def test_tokens_that_are_no_class_give_none_in_their_category_only() -> None:
    rows = [{"cell_visible": "infection|protein", "phenotype": "infection|mock"} for _ in range(6)]
    rows += [{"phenotype": "mock", "compound": "protein"} for _ in range(6)]
    rows += [{"phenotype": "mock"} for _ in range(6)]
    recipe = Recipe(min_images=2, class_size=10)
    assert classes(assign_labels(table(rows), recipe)) == {"infection": 6, "protein": 6}
    renamed = dataclasses.replace(recipe, rename_labels={"mock": "without virus"})
    assert "without virus" in classes(assign_labels(table(rows), renamed))


def test_rows_of_the_result_are_sorted_and_typed() -> None:
    rows = [{"organism": "human", "idx": f"{s}-{n}", "dir_name": s} for n in range(4) for s in ("b", "a")]
    result = assign_labels(table(rows), Recipe(min_images=3, class_size=20, crop_steps=(0.45, 0.4)))
    assert result.schema == ASSIGNMENTS
    assert result["idx"].to_pylist() == ["a-0", "a-1", "a-2", "a-3", "b-0", "b-1", "b-2", "b-3"]
    assert set(result["crops"].to_pylist()) == {2}  # eight images: fewer than 9, not than 8


@pytest.mark.parametrize(("images", "crops"), [(1000, 1), (999, 2), (550, 2), (549, 3), (400, 3), (399, 4), (287, 4)])
def test_crops_follow_the_class_size(images: int, crops: int) -> None:
    result = assign_labels(table([{"compound": "dmso"}] * images), Recipe())
    assert classes(result) == {"dmso": images}
    assert set(result["crops"].to_pylist()) == {crops}


def test_thresholds_of_the_paper() -> None:
    rows = [{"gene": "too few"}] * 286 + [{"gene": "just enough"}] * 287 + [{"gene": "many"}] * 12_000
    assert classes(assign_labels(table(rows), Recipe())) == {"just enough": 287, "many": 1000}


def test_tokens_match_exactly() -> None:
    rows = [{"phenotype": "rna"}] * 3 + [{"phenotype": "rna synthesis"}] * 5 + [{"phenotype": "rna|x"}] * 2
    assert classes(assign_labels(table(rows), Recipe(min_images=3))) == {"rna": 5, "rna synthesis": 5}


def test_a_token_twice_in_a_cell_counts_once() -> None:
    assert not assign_labels(table([{"gene": "a|a"}] * 2), Recipe(min_images=3)).num_rows


def test_empty_tokens_are_no_labels() -> None:
    rows = [{"gene": "|"}, {"gene": ""}, {"gene": "||a|"}, {"gene": None}] * 3
    assert classes(assign_labels(table(rows), Recipe(min_images=2))) == {"a": 3}


def test_a_token_of_two_columns_belongs_to_the_one_with_more_rows() -> None:
    rows = [{"compound": "x"}] * 3 + [{"phenotype": "x"}] * 4
    result = assign_labels(table(rows), Recipe(min_images=3))
    assert set(found(result).values()) == {("x", "phenotype")}
    assert result.num_rows == 4  # the rows that hold it as a compound are not its own


def test_ties_between_columns_go_by_category_order() -> None:
    rows = [{"phenotype": "x"}] * 3 + [{"sirna": "x"}] * 3
    assert set(found(assign_labels(table(rows), Recipe(min_images=3))).values()) == {("x", "sirna")}


def test_rare_labels_choose_first() -> None:
    rows = [{"organism": "human", "compound": "rare"}] * 3 + [{"organism": "human"}] * 4
    assert classes(assign_labels(table(rows), Recipe(min_images=3))) == {"rare": 3, "human": 4}


def test_a_label_left_with_too_few_is_skipped_and_takes_nothing() -> None:
    rows = [{"organism": "human", "compound": "rare"}] * 3 + [{"organism": "human"}] * 2
    rows += [{"cell_type": "hela"}] * 7
    assert classes(assign_labels(table(rows), Recipe(min_images=3))) == {"rare": 3, "hela": 7}


def test_strata_get_their_exact_shares() -> None:
    rows = [{"compound": "x", "cell_type": t} for t, n in (("a", 50), ("b", 35), ("c", 15)) for _ in range(n)]
    result = assign_labels(table(rows), Recipe(min_images=20, class_size=20, categories=("compound",)))
    kinds = [str(rows[int(idx.removeprefix("src-"))]["cell_type"]) for idx in found(result)]
    assert Counter(kinds) == {"a": 10, "b": 7, "c": 3}


def test_the_first_draw_is_balanced_over_sources() -> None:
    """Both draws keep a small source's share of the rows.

    3,000 of 30,000 rows come from it: the first draw keeps a tenth of them, the second does the same.
    """
    rows = [{"organism": "human", "name": "large"}] * 27_000 + [{"organism": "human", "name": "small"}] * 3000
    recipe = Recipe(categories=("organism",), presample_size=1000, class_size=1000)
    drawn = [int(idx.removeprefix("src-")) for idx in found(assign_labels(table(rows), recipe))]
    assert sum(number >= 27_000 for number in drawn) == 100


def test_dropped_labels_leave_their_rows_to_others() -> None:
    rows = [{"organism": "human", "compound": "dmso"}] * 5
    assert classes(assign_labels(table(rows), Recipe(min_images=3))) == {"dmso": 5}
    assert classes(assign_labels(table(rows), Recipe(min_images=3, drop_labels=("dmso",)))) == {"human": 5}


def test_tokens_renamed_to_one_label_become_one_class() -> None:
    rows = [{"cell_type": "u2os"}] * 2 + [{"cell_type": "u-2 os"}] * 2 + [{"cell_type": "u2os|u-2 os"}]
    recipe = Recipe(min_images=5, rename_labels={"u-2 os": "u2os"})
    assert classes(assign_labels(table(rows), recipe)) == {"u2os": 5}


def test_renaming_is_done_once_so_names_can_be_swapped() -> None:
    rows = [{"gene": "a"}] * 2 + [{"gene": "b"}] * 3
    recipe = Recipe(min_images=2, rename_labels={"a": "b", "b": "a"})
    assert classes(assign_labels(table(rows), recipe)) == {"b": 2, "a": 3}


def test_a_rename_to_no_token_is_refused() -> None:
    with pytest.raises(UserError, match="rename_labels gives 'a'"):
        assign_labels(table([]), Recipe(rename_labels={"a": "b|c"}))


def test_unknown_names_in_the_recipe_are_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        recipe = Recipe(drop_labels=("a", "dsmo", "c", "r"), rename_labels={"q": "r", "b": "c"})
        assert not assign_labels(table([{"gene": "a|b"}]), recipe).num_rows
    assert [record.getMessage() for record in caplog.records] == [
        "recipe: drop_labels names 'dsmo', 'r', which no image has",
        "recipe: rename_labels names 'q', which no image has",
    ]


def test_an_idx_that_occurs_twice_is_refused() -> None:
    with pytest.raises(UserError, match="idx 'a-1' occurs more than once"):
        assign_labels(table([{"idx": "a-1"}, {"idx": "a-2"}, {"idx": "a-1"}]), Recipe())


def test_a_missing_column_is_named() -> None:
    with pytest.raises(UserError, match="lack the columns sirna, gene"):
        assign_labels(table([]).drop_columns(["gene", "sirna"]), Recipe())


def test_no_rows_give_no_classes() -> None:
    assert assign_labels(table([]), Recipe()).equals(ASSIGNMENTS.empty_table())


def test_a_column_of_many_different_cells() -> None:
    """Grouping takes two passes above 65,536 different cells.

    Each pass takes 16 bits.
    """
    names = [f"g{i}" for i in range(70_000)]
    idx = [f"src-{i}" for i in range(140_000)]
    columns = {name: pa.nulls(len(idx), pa.string()) for name in TEXTS}
    annotations = pa.table(columns | {"idx": idx, "dir_name": pa.repeat("src", len(idx)), "gene": names * 2})
    result = assign_labels(annotations, Recipe(min_images=2, categories=("gene",)))
    assert dict(zip(result["idx"].to_pylist(), result["label"].to_pylist(), strict=True)) == dict(
        zip(idx, names * 2, strict=True)
    )


cells = st.none() | st.lists(st.sampled_from((*TOKENS, "")) | st.text(max_size=3), max_size=3).map("|".join)
row_strategy = st.fixed_dictionaries({"name": st.sampled_from("ab"), **dict.fromkeys(CATEGORIES, cells)})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(row_strategy, max_size=40),
    st.integers(1, 5),
    st.integers(5, 9),
    st.integers(0, 2**64),
    st.randoms(use_true_random=False),
)
def test_invariants(rows: list[dict[str, str | None]], least: int, most: int, seed: int, chance: random.Random) -> None:
    recipe = Recipe(seed=seed, min_images=least, class_size=most, presample_size=12)
    annotations = table(rows)
    result = assign_labels(annotations, recipe)
    order = list(range(len(rows)))
    chance.shuffle(order)
    shuffled = annotations.take(pa.array(order, pa.int64()))
    assert assign_labels(shuffled, recipe).equals(result)
    by_idx = {row["idx"]: row for row in annotations.to_pylist()}
    assert len(set(result["idx"].to_pylist())) == result.num_rows
    for idx, (label, category) in found(result).items():
        assert label in str(by_idx[idx][category]).split(TOKEN_SEPARATOR)
    assert all(least <= size <= most for size in classes(result).values())


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string()), "chunks", "one thread"])
def test_the_arrow_layout_does_not_matter(kind: pa.DataType | str) -> None:
    annotations = table(random_rows(random.Random(3), 300))
    recipe = Recipe(min_images=10, class_size=30, presample_size=50)
    expected = assign_labels(annotations, recipe)
    threads = pa.cpu_count()
    if kind == "chunks":
        other = pa.concat_tables([annotations.slice(0, 7), annotations.slice(7, 0), annotations.slice(7)])
    elif kind == "one thread":
        other = annotations
        pa.set_cpu_count(1)
    else:
        fields = [pa.field(name, kind if name != "idx" else pa.string()) for name in annotations.column_names]
        pieces = [annotations.slice(0, 100).cast(pa.schema(fields)), annotations.slice(100).cast(pa.schema(fields))]
        other = pa.concat_tables(pieces)  # two dictionaries
    try:
        assert assign_labels(other, recipe).equals(expected)
    finally:
        pa.set_cpu_count(threads)


def test_another_seed_draws_other_rows() -> None:
    annotations = table([{"gene": "a"}] * 400)
    draws = [set(found(assign_labels(annotations, Recipe(seed=s, min_images=1, class_size=200)))) for s in (0, 1)]
    assert 60 < len(draws[0] & draws[1]) < 140  # a half of a half, nine standard deviations wide


def test_the_draw_is_fair() -> None:
    """Every row has the same chance of being drawn.

    Over 200 seeds a row is drawn a quarter of the time, within six standard deviations.
    """
    annotations = table([{"gene": "a"}] * 80)
    counts = np.zeros(80)
    for seed in range(200):
        drawn = found(assign_labels(annotations, Recipe(seed=seed, min_images=1, class_size=20)))
        counts[[int(idx.removeprefix("src-")) for idx in drawn]] += 1
    assert counts.sum() == 4000
    assert np.all(np.abs(counts - 50) < 6 * np.sqrt(200 * 0.25 * 0.75))
