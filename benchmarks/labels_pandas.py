"""Label assignment with pandas, written carefully in two ways.

Both follow the method: exact tokens, the same order of labels, two-step draws with shares by largest remainders.
*explode* splits and explodes each column once and selects a label's rows by its token. *categories* keeps the columns
as categories, finds a label's cells among the categories and passes over the column's codes once a label.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.labels_method import Rows, RowsOf, columns, owners
from builder.recipe import Recipe


def explode(paths: Sequence[Path]) -> dict[str, object]:
    recipe = Recipe()
    table = pd.concat([pd.read_parquet(path, columns=columns(recipe)) for path in paths], ignore_index=True)
    rows: dict[str, pd.Series] = {}
    counts = {}
    for category in recipe.categories:
        tokens = table[category].dropna().str.split("|").explode()
        pairs = tokens[tokens != ""].reset_index().drop_duplicates()
        counts[category] = pairs[category].value_counts()
        rows[category] = pairs.set_index(category)["index"].sort_index()
    return _assign(table, recipe, counts, lambda category, token: rows[category].loc[[token]].to_numpy())


def categories(paths: Sequence[Path]) -> dict[str, object]:
    recipe = Recipe()
    parts = [pd.read_parquet(path, columns=columns(recipe)) for path in paths]
    table = pd.concat(parts, ignore_index=True)
    del parts
    counts, codes, holders = {}, {}, {}
    for name in set(columns(recipe)) - {"idx"}:
        table[name] = table[name].astype("category")
    for category in recipe.categories:
        cells = table[category].cat.categories.to_series().str.split("|").explode()
        codes[category] = table[category].cat.codes.to_numpy()
        size = np.bincount(codes[category] + 1, minlength=len(table[category].cat.categories) + 1)[1:]
        cell = pd.DataFrame(
            {"token": cells.to_numpy(), "cell": table[category].cat.categories.get_indexer(cells.index)}
        )
        cell = cell[cell["token"] != ""].drop_duplicates()
        counts[category] = cell.assign(rows=size[cell["cell"]]).groupby("token")["rows"].sum()
        holders[category] = cell.groupby("token")["cell"].agg(list)

    def rows_of(category: str, token: str) -> Rows:
        holds = np.zeros(len(table[category].cat.categories) + 1, bool)
        holds[holders[category][token]] = True
        return np.flatnonzero(holds[codes[category]])  # code -1, null, finds the last entry

    return _assign(table, recipe, counts, rows_of)


def _assign(table: pd.DataFrame, recipe: Recipe, counts: dict[str, pd.Series], rows_of: RowsOf) -> dict[str, object]:
    pairs = {
        category: [(str(token), int(n)) for token, n in counts[category].items()] for category in recipe.categories
    }
    owner, order = owners(len(table), recipe, pairs, rows_of, functools.partial(_stratified, table))
    taken = owner >= 0
    found = pd.DataFrame(
        {
            "idx": table["idx"].to_numpy()[taken],
            "dir_name": table["dir_name"].to_numpy()[taken],
            "label": np.array(order)[owner[taken]],
        }
    ).sort_values(["dir_name", "idx"])
    digest = hashlib.sha256("\n".join(found["idx"] + " " + found["label"]).encode()).hexdigest()[:16]
    return {"classes": int(found["label"].nunique()), "images": len(found), "digest": digest}


def _stratified(table: pd.DataFrame, rows: Rows, strata: list[str], size: int, seed: int) -> Rows:
    pool = table[strata].take(rows).set_axis(rows)
    pool = pool.sample(frac=1, random_state=seed)
    groups = pool.groupby(strata, dropna=False, observed=True, sort=False)
    stratum = groups.ngroup()
    exact = stratum.value_counts() * size / len(rows)
    places = np.floor(exact)
    places[(exact - places).nlargest(size - int(places.sum()), keep="first").index] += 1
    drawn: Rows = pool.index[(groups.cumcount() < stratum.map(places)).to_numpy()].to_numpy()
    return drawn


WAYS = {"pandas explode": explode, "pandas categories": categories}
