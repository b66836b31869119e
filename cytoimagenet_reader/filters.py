"""Conditions on the rows of a package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

SITES = {"batches": "batch", "wells": "well", "controls": "control", "timepoints": "timepoint"}
"""Conditions on columns that are null where a source does not state them -> the column."""


class Filter(NamedTuple):
    """Conditions on examples; None takes all.

    Fields are those of ``CytoImageNetConfig``.
    """

    labels: Sequence[str] | None = None
    sources: Sequence[str] | None = None
    databases: Sequence[str] | None = None
    microscopy: Sequence[str] | None = None
    licenses: Sequence[str] | None = None
    batches: Sequence[str] | None = None
    wells: Sequence[str] | None = None
    controls: Sequence[str] | None = None
    timepoints: Sequence[str] | None = None
    commercial_use: bool = False
    crops: bool | None = None
    where: Mapping[str, Any] | None = None

    def __bool__(self) -> bool:
        """Return whether anything is left out."""
        return self != Filter()

    def describe(self) -> str:
        """Return the conditions as they were given, for messages."""
        given = {name: value for name, value in self._asdict().items() if value != self._field_defaults[name]}
        return ", ".join(f"{name}={value!r}" for name, value in given.items())

    def mask(self, rows: pa.Table, allowed: Sequence[str]) -> pa.ChunkedArray:
        """Return a boolean mask of the wanted rows.

        ``allowed`` are the licences for commercial use.
        """
        tests = [
            pc.is_in(rows[column], pa.array(as_list(wanted), pa.string()))
            for column, wanted in (
                ("label", self.labels),
                ("dir_name", self.sources),
                ("database", self.databases),
                ("license", self.licenses),
                *((column, getattr(self, name)) for name, column in SITES.items()),
                ("license", allowed if self.commercial_use else None),
            )
            if wanted is not None
        ]
        if self.microscopy is not None:  # a cell may hold several, joined by "|"
            cells = pc.fill_null(rows["microscopy"], "")
            kinds = set(as_list(self.microscopy))
            hits = [cell for cell in pc.unique(cells).to_pylist() if kinds & set(cell.split("|"))]
            tests.append(pc.is_in(cells, pa.array(hits, pa.string())))
        if self.crops is not None:
            tests.append(pc.equal(rows["crop"], self.crops))
        tests += [condition(rows[column], wanted) for column, wanted in (self.where or {}).items()]
        mask = tests[0]
        for test in tests[1:]:
            mask = pc.and_(mask, test)
        return mask


def condition(cells: pa.ChunkedArray, wanted: Any) -> pa.ChunkedArray:
    """Return a mask of the cells that a condition takes.

    It is a value, several, or ``{"min": …, "max": …}`` with either bound or both. A null cell is never taken.

    Raises
    ------
    pyarrow.ArrowInvalid, pyarrow.ArrowTypeError
        For values that the column's type does not have.
    """
    if isinstance(wanted, Mapping):
        mask = pc.is_valid(cells)
        for bound, compare in (("min", pc.greater_equal), ("max", pc.less_equal)):
            if bound in wanted:
                mask = pc.and_(mask, pc.fill_null(compare(cells, pa.scalar(wanted[bound], cells.type)), False))
        return mask
    several = list(wanted) if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
    return pc.is_in(cells, pa.array(several, cells.type), skip_nulls=True)


def as_list(values: Iterable[str] | str) -> list[str]:
    """Return a list of texts from one or several."""
    return [values] if isinstance(values, str) else list(values)
