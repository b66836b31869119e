from __future__ import annotations

import pyarrow as pa

from builder.inspect.unused import unused_tokens
from builder.recipe import Recipe
from builder.schema import ASSIGNMENTS, CATEGORIES


def table(rows: list[dict[str, str]]) -> pa.Table:
    columns = {name: [row.get(name) for row in rows] for name in ("idx", *CATEGORIES)}
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def test_a_class_that_another_category_took_is_named_with_the_reason() -> None:
    mine = table([{"idx": f"s-{n}", "compound": "nocodazole", "cell_visible": "actin"} for n in range(8)])
    labels = [
        {"idx": f"s-{n}", "dir_name": "s", "label": "actin", "category": "cell_visible", "crops": 1} for n in range(8)
    ]
    assignments = pa.Table.from_pylist(labels, ASSIGNMENTS)
    [line] = unused_tokens(mine, assignments, Recipe())
    assert line.startswith("nocodazole (compound, 8 images): ")
    assert "its images went to actin 8" in line


def test_a_name_that_is_a_class_of_another_category_and_a_dropped_one() -> None:
    mine = table([{"idx": "s-1", "compound": "actin"}, {"idx": "s-2", "compound": "rare"}])
    other = [{"idx": "t-1", "dir_name": "t", "label": "actin", "category": "cell_visible", "crops": 1}]
    lines = list(unused_tokens(mine, pa.Table.from_pylist(other, ASSIGNMENTS), Recipe(drop_labels=("rare",))))
    assert any("actin (compound, 1 images): the name is that of a class of cell_visible" in line for line in lines)
    assert any("rare (compound, 1 images): the recipe drops it; its images are in no class" in line for line in lines)
