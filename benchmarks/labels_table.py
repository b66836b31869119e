"""Annotation tables of any size, from a seed.

40 sources, seven categories, cells of several tokens.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SOURCES = 40
_ORGANISMS, _CELL_TYPES, _VISIBLE, _PHENOTYPES, _COMPOUNDS, _GENES, _SIRNAS = 12, 60, 40, 110, 1500, 15_000, 1138


def write_annotations(folder: Path, rows: int, seed: int = 0) -> list[Path]:
    """Write ``<source>.parquet`` files of ``rows`` images in all.

    Returns their paths.
    """
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(2, SOURCES + 2)  # the largest of the 40 sources holds near a tenth, as RxRx19a does
    sizes = np.floor(share / share.sum() * rows).astype(int)
    sizes[0] += rows - sizes.sum()
    paths = []
    for number, size in enumerate(sizes.tolist()):
        path = folder / f"source{number:02d}.parquet"
        pq.write_table(_source(f"source{number:02d}", number, size, rng), path, compression="zstd")
        paths.append(path)
    return paths


def _source(dir_name: str, number: int, size: int, rng: np.random.Generator) -> pa.Table:
    """Return the table of one source.

    A few organisms and cell types, stains, and either compounds with phenotypes, genes or siRNAs.
    """
    kind = ("compound", "gene", "none", "compound", "phenotype")[number % 5]
    organism = _cells(rng, "organism", _ORGANISMS, size, 1 + number % 2, 1)
    cell_type = _cells(rng, "cell type", _CELL_TYPES, size, 1 + number % 6, 1)
    visible = _cells(rng, "visible", _VISIBLE, size, 4, 4)
    nothing = pa.nulls(size, pa.string())
    compound = _cells(rng, "compound", _COMPOUNDS, size, 700, 1, nulls=0.1) if kind == "compound" else nothing
    many = kind in ("compound", "phenotype")
    phenotype = _cells(rng, "phenotype", _PHENOTYPES, size, 200, 3, nulls=0.3) if many else nothing
    gene = _cells(rng, "gene", _GENES, size, 9000, 2, " targeted", nulls=0.05) if kind == "gene" else nothing
    sirna = _cells(rng, "sirna", _SIRNAS, size, _SIRNAS, 1) if number == 2 else nothing
    numbers = rng.permutation(size).astype(np.int64) * 1_000_003 + (1 << 55)  # all different, 17 digits
    idx = pa.array(np.char.add(f"{dir_name}-", numbers.astype("U17")))
    plate = pa.array([f"plate {i}" for i in range(200)]).take(pa.array(rng.integers(0, 200, size)))
    texts = {
        "idx": idx,
        "database": pa.repeat(pa.scalar("Database"), size),
        "name": pa.repeat(pa.scalar(f"Source {number}"), size),
        "dir_name": pa.repeat(pa.scalar(dir_name), size),
        "organism": organism,
        "cell_type": cell_type,
        "cell_visible": visible,
        "phenotype": phenotype,
        "compound": compound,
        "gene": gene,
        "sirna": sirna,
        "microscopy": pa.repeat(pa.scalar("fluorescence"), size),
        "group": plate,
    }
    return pa.table({name: values.cast(pa.string()) for name, values in texts.items()})


def _cells(
    rng: np.random.Generator,
    word: str,
    vocabulary: int,
    size: int,
    distinct: int,
    tokens: int,
    suffix: str = "",
    nulls: float = 0.0,
) -> pa.Array:
    """Return cells of 1 to ``tokens`` tokens.

    There are ``distinct`` different cells; the first is the most frequent (Zipf, exponent 0.7).
    """
    # Low numbers are in many sources, as "human" or "nucleus" are.
    numbers = np.minimum((rng.pareto(0.8, (distinct, tokens)) * vocabulary / 20).astype(int), vocabulary - 1)
    spread = rng.integers(0, vocabulary, (distinct, tokens))
    numbers = np.where(rng.random((distinct, tokens)) < 0.5, numbers, spread)
    lengths = rng.integers(1, tokens + 1, distinct)
    cells = [
        "|".join(f"{word} {n}{suffix}" for n in sorted(set(row[:k]))) for row, k in zip(numbers, lengths, strict=True)
    ]
    weights = 1 / np.arange(1, distinct + 1) ** 0.7
    drawn = rng.choice(distinct, size, p=weights / weights.sum())
    return pa.array(cells).take(pa.array(drawn, mask=rng.random(size) < nulls))
