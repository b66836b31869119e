"""Label assignment with Polars, on all cores.

As with pandas, by the method: a column's rows are grouped by cell, and only the distinct cells are split into tokens.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.labels_method import Rows, columns, owners
from builder.recipe import Recipe


def assign(paths: Sequence[Path]) -> dict[str, object]:
    recipe = Recipe()
    table = pl.read_parquet(list(paths), columns=columns(recipe))
    counts, cells = {}, {}
    for category in recipe.categories:
        tokens = _tokens(table, category)
        found = tokens.group_by("token").agg(pl.col("row").list.len().sum().alias("rows"))
        counts[category] = list(found.iter_rows())
        often = found.filter(pl.col("rows") >= recipe.min_images).select("token")
        cells[category] = tokens.join(often, on="token", how="semi").partition_by("token", as_dict=True)

    def rows_of(category: str, token: str) -> Rows:
        rows: Rows = cells[category][token,]["row"].explode().sort().to_numpy()
        return rows

    owner, order = owners(len(table), recipe, counts, rows_of, functools.partial(_drawn, table))
    taken = np.flatnonzero(owner >= 0)
    labels = pl.Series("label", order).gather(owner[taken])
    result = table.select("idx", "dir_name")[taken].with_columns(labels).sort("dir_name", "idx")
    text = "\n".join((result["idx"] + " " + result["label"]).to_list())
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {"classes": result["label"].n_unique(), "images": len(result), "digest": digest}


def _tokens(table: pl.DataFrame, category: str) -> pl.DataFrame:
    """Return the tokens of distinct cells, with their rows."""
    by_cell = table.lazy().select(pl.col(category)).with_row_index("row").drop_nulls().group_by(category).agg("row")
    split = by_cell.select(pl.col(category).str.split("|").list.unique().alias("token"), "row").explode("token")
    return split.filter(pl.col("token") != "").collect()


def _drawn(table: pl.DataFrame, rows: Rows, strata: list[str], size: int, seed: int) -> Rows:
    """Draw rows by shares of strata, by largest remainders."""
    pool = table.select(strata)[rows].with_columns(pl.Series("row", rows))
    pool = pool.sample(fraction=1, shuffle=True, seed=seed)
    exact = pl.len() * (size / len(rows))
    shares = pool.group_by(strata, maintain_order=True).agg(exact.floor().alias("places"), (exact % 1).alias("rest"))
    more = size - int(shares["places"].sum())
    first = pl.col("rest").rank("ordinal", descending=True) <= more
    shares = shares.with_columns(pl.col("places") + first.cast(pl.Float64))
    pool = pool.with_columns(pl.int_range(pl.len()).over(strata).alias("place"))
    pool = pool.join(shares, on=strata, nulls_equal=True)
    drawn: Rows = pool.filter(pl.col("place") < pl.col("places"))["row"].to_numpy()
    return drawn
