"""Candidates for selection, the facts about them, and their outcomes.

A candidate is a place; its facts are taken from the tables when they are asked for, a column at a time, so that a
million candidates are never copied whole.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.draw import U64, key64, mix64, row_keys
from builder.stages.label.index import encode

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Candidates(NamedTuple):
    """All candidates, made or refused, numbered by idx and candidate."""

    rows: pa.Table  # as `select` was given them
    row: Ints  # of each candidate in ``rows``
    assignments: pa.Table
    image: Ints  # row of each candidate's image in ``assignments``
    annotations: pa.Table
    annotation: Ints  # row of each candidate's image in ``annotations``
    label: Ints  # code of its label
    labels: list[str]  # the names of the codes, sorted
    keys: U64  # one per candidate, from seed, idx and candidate

    def column(self, name: str, places: Ints | Mask) -> pa.ChunkedArray:
        """Return a column for some candidates.

        Where several tables have the column, that of ``rows`` is used.
        """
        if name in self.rows.column_names:
            return self.rows[name].take(pa.array(self.row[places]))
        if name in ("label", "category"):
            return self.assignments[name].take(pa.array(self.image[places]))
        return self.annotations[name].take(pa.array(self.annotation[places]))

    def codes(self, name: str, places: Ints) -> Ints:
        """Return a column's values as integer codes; -1 for null.

        Codes start at 0 and are equal for equal values.
        """
        coded = self.column(name, places).combine_chunks().dictionary_encode()
        codes: Ints = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
        return codes


class Outcomes:
    """Which candidates stay, and why the others do not.

    Initially holds what standardisation refused.
    """

    def __init__(self, candidates: Candidates) -> None:
        refused = candidates.rows["reason"].is_valid().to_numpy()
        self.made: Mask = ~refused[candidates.row]
        self.kept: Mask = self.made.copy()
        self._why: dict[int, tuple[str, str]] = {}

    def drop(self, place: int, reason: str, detail: str) -> None:
        """Take a candidate out."""
        self.kept[place] = False
        self._why[place] = reason, detail

    def reasons(self, candidates: Candidates, places: Ints) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """Return reasons and details for candidates that are dropped."""
        mask = pa.array(self.made[places])
        dropped = [self._why[place] for place in places[self.made[places]].tolist()]
        found = []
        for n, name in enumerate(("reason", "detail")):
            texts = pa.array([why[n] for why in dropped], pa.string())
            found.append(pc.replace_with_mask(candidates.column(name, places).cast(pa.string()), mask, texts))
        return found[0], found[1]


def gather(rows: pa.Table, assignments: pa.Table, annotations: pa.Table, seed: int) -> Candidates:
    """Join the tables into candidates.

    `builder.stages.select.choose.select` describes the arguments and what is raised.
    """
    idx = assignments["idx"].combine_chunks()
    annotation = pc.index_in(idx, value_set=annotations["idx"].combine_chunks())
    if annotation.null_count:
        strange = idx.filter(annotation.is_null())[0]
        raise ValueError(f"select: image {strange} has a label but no annotation")
    image = pc.index_in(rows["idx"], value_set=idx)
    if image.null_count:
        raise ValueError(f"select: image {rows['idx'].filter(image.is_null())[0]} has candidates but no label")
    place = image.to_numpy().astype(np.int64)
    candidate = rows["candidate"].to_numpy().astype(np.int64)
    rank = np.empty(len(idx), np.int64)
    rank[pc.sort_indices(idx).to_numpy()] = np.arange(len(idx))
    sort_key = rank[place] * 256 + candidate + 128
    order = np.argsort(sort_key, kind="stable")
    twice = np.flatnonzero(np.diff(sort_key[order]) == 0)
    if len(twice):
        first = int(order[twice[0]])
        raise ValueError(f"select: candidate {candidate[first]} of {rows['idx'][first]} comes twice")
    place, candidate = place[order], candidate[order]
    label = encode(assignments["label"])
    return Candidates(
        rows=rows,
        row=order,
        assignments=assignments,
        image=place,
        annotations=annotations,
        annotation=annotation.to_numpy().astype(np.int64)[place],
        label=label.codes[place].astype(np.int64) - 1,
        labels=[text for text in label.values if text is not None],
        keys=mix64(row_keys(idx)[place] ^ candidate.astype(np.uint64), key64(seed, "picture")),
    )
