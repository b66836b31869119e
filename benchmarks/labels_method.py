"""What the ways of label assignment with data frames share.

The order of labels and the two-step draw of the method's section 2; a way brings rows by token, and draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from builder.recipe import Recipe

Rows = np.ndarray
RowsOf = Callable[[str, str], Rows]  # (category, token) -> rows
Draw = Callable[[Rows, list[str], int, int], Rows]  # (rows, strata, size, seed) -> some of the rows


def columns(recipe: Recipe) -> list[str]:
    return list(dict.fromkeys(("idx", "dir_name", *recipe.categories, *recipe.presample_strata, *recipe.strata)))


def owners(
    size: int, recipe: Recipe, counts: Mapping[str, Iterable[tuple[str, int]]], rows_of: RowsOf, draw: Draw
) -> tuple[Rows, list[str]]:
    """Return each row's class number, or -1, and the classes.

    Parameters
    ----------
    counts : by category, the tokens with their numbers of rows
    """
    rank = {category: place for place, category in enumerate(recipe.categories)}
    best: dict[str, tuple[int, int]] = {}
    for category in recipe.categories:
        for token, count in counts[category]:
            if count >= recipe.min_images and (token not in best or count > best[token][0]):
                best[token] = (count, rank[category])
    owner = np.full(size, -1)
    order = sorted(best, key=lambda token: (*best[token], token))
    for number, token in enumerate(order):
        category = recipe.categories[best[token][1]]
        rows = rows_of(category, token)
        rows = rows[owner[rows] < 0]
        if len(rows) < recipe.min_images:
            continue
        strata = [name for name in recipe.strata if name != category]
        if len(rows) > recipe.presample_size:
            first = [name for name in recipe.presample_strata if name != category]
            rows = draw(rows, first, recipe.presample_size, number)
            strata = [name for name in strata if name not in recipe.presample_strata]
        if len(rows) > recipe.class_size:
            rows = draw(rows, strata, recipe.class_size, number)
        owner[rows] = number
    return owner, order
