"""What changed between two builds."""

from __future__ import annotations

import dataclasses

import pyarrow as pa

from builder.inspect.diff import compare, describe
from builder.recipe import Recipe
from builder.schema import ASSIGNMENTS
from tests.stages.made_parts import image, tables


def assigned(labels: dict[str, str]) -> pa.Table:
    rows = [
        {"idx": idx, "dir_name": "s", "label": label, "category": "gene", "crops": 1} for idx, label in labels.items()
    ]
    return pa.Table.from_pylist(rows, ASSIGNMENTS)


A = assigned({"1": "kept", "2": "kept", "3": "lost", "4": "lost", "5": "shrunk", "6": "shrunk"})
B = assigned({"7": "won", "3": "won", "1": "kept", "2": "kept", "5": "shrunk"})


def test_classes_and_moves() -> None:
    found = compare(A, B)
    assert [tuple(row.values()) for row in found.classes.to_pylist()] == [
        ("kept", "gene", 2, 2, 2),
        ("lost", "gene", 2, 0, 0),
        ("shrunk", "gene", 2, 1, 1),
        ("won", "gene", 0, 2, 0),
    ]
    assert [tuple(row.values()) for row in found.moves.to_pylist()] == [
        (None, "won", 1),
        ("lost", None, 1),
        ("lost", "won", 1),
        ("shrunk", None, 1),
    ]
    assert found.examples is None


def test_described() -> None:
    assert describe(compare(A, B)).split("\n\n") == [
        "1 classes won, 1 lost, 1 changed, 1 as before",
        "Won:\n  label  category  images\n  won    gene           2",
        "Lost:\n  label  category  images\n  lost   gene           2",
        "Changed:\n  label   category  images in A  in B  in both\n  shrunk  gene                2     1        1",
        "Images with another label (-: none):\n  from    to   images\n  -       won       1\n"
        "  lost    -         1\n  lost    won       1\n  shrunk  -         1",
    ]


def test_nothing_changed() -> None:
    found = compare(A, A)
    assert not found.moves.num_rows
    assert describe(found) == "0 classes won, 0 lost, 0 changed, 3 as before"


def test_against_nothing() -> None:
    found = compare(ASSIGNMENTS.empty_table(), A)
    assert describe(found).startswith("3 classes won, 0 lost, 0 changed, 0 as before")
    assert compare(ASSIGNMENTS.empty_table(), ASSIGNMENTS.empty_table()).classes.num_rows == 0


def test_examples_of_two_selections() -> None:
    """A and B have 20 images each and share 18.

    By another seed, other images are validation.
    """
    recipe = Recipe(class_size=100, min_class_size=1, validation_share=0.5)
    first, second = tables([image(i) for i in range(20)]), tables([image(i) for i in range(2, 22)])
    a = first.select(recipe).selection
    same = compare(first.assignments, first.assignments, a, a).examples
    assert same == {"in both": 20, "only in A": 0, "only in B": 0, "in another split": 0}
    b = second.select(dataclasses.replace(recipe, seed=1)).selection
    found = compare(first.assignments, second.assignments, a, b).examples
    assert found is not None
    sides_a, sides_b = (dict(zip(t["idx"].to_pylist(), t["split"].to_pylist(), strict=True)) for t in (a, b))
    moved = sum(sides_a[idx] != sides_b[idx] for idx in sides_a.keys() & sides_b.keys())
    assert found == {"in both": 18, "only in A": 2, "only in B": 2, "in another split": moved}
    assert 0 < moved < 18
