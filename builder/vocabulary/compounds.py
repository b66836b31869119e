"""Names of compounds with their structures: the reviewed table ``compounds.csv``.

Made from the structures that tables of the sources carry (idr0036, idr0081, idr0088), and for names without one from
those of the Drug Repurposing Hub and JUMP-CP: salts, solvents and charges removed with RDKit, then InChIKey. Names with
one key are one compound; names that share only its first block (the connectivity) differ in stereochemistry and were
merged by eye where tables merely draw one substance differently, and kept apart where two substances are sold.
"""

from __future__ import annotations

import csv
import functools
import importlib.resources
from typing import NamedTuple

_CONNECTIVITY = 14  # characters of an InChIKey's first block


class Compound(NamedTuple):
    """One row of ``compounds.csv``.

    ``name`` is written ``merged`` (itself where nothing is merged), because ``reason``. ``inchikeys`` are those of the
    parent structure; several where tables draw or give it differently.
    """

    name: str
    merged: str
    inchikeys: tuple[str, ...]
    reason: str


@functools.cache
def compounds() -> tuple[Compound, ...]:
    """Return the table, in its order."""
    text = importlib.resources.files(__package__).joinpath("compounds.csv").read_text("utf-8")
    rows = csv.reader(text.splitlines())
    header = next(rows)
    if header != ["name", "merged", "inchikey", "reason"]:
        raise ValueError(f"compounds.csv: the columns are {header}")
    return tuple(Compound(name, merged, tuple(keys.split("|")), reason) for name, merged, keys, reason in rows)


@functools.cache
def connectivities() -> dict[str, frozenset[str]]:
    """Return each name's set of InChIKey first blocks."""
    return {row.name: frozenset(key[:_CONNECTIVITY] for key in row.inchikeys) for row in compounds()}
