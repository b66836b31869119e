"""Integer-coded columns, and inverted indexes from tokens to rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.draw import U64, key64, row_keys
from builder.errors import UserError
from builder.schema import TOKEN_SEPARATOR

Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint16] | npt.NDArray[np.int32]  # the smaller one where it suffices


class Column(NamedTuple):
    """A text column: row i holds ``values[codes[i]]``.

    ``values[0]`` is null; the others follow in code point order.
    """

    codes: Codes  # (rows,)
    values: list[str | None]
    keys: U64  # (values,), one key a value, which depends on its text only


def encode(column: pa.ChunkedArray) -> Column:
    """Encode a text column as codes into its sorted values.

    The column's type is string, large_string, a dictionary of either, or null.
    """
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()) if pa.types.is_null(column.type) else column
        column = column.dictionary_encode()
    column = column.unify_dictionaries()
    dictionary = column.chunk(0).dictionary if column.num_chunks else pa.array([], pa.string())
    texts = dictionary.to_pylist()
    values: list[str | None] = [None, *sorted({text for text in texts if text is not None})]
    place = {value: code for code, value in enumerate(values)}
    kind = np.uint16 if len(values) <= 1 << 16 else np.int32
    recode = np.array([place[text] for text in texts] + [0], kind)  # the last entry is for null
    codes = np.empty(len(column), kind)
    start = 0
    for chunk in column.chunks:
        indices = chunk.indices.cast(pa.int32()).fill_null(len(texts)).to_numpy()
        np.take(recode, indices, out=codes[start : start + len(chunk)])
        start += len(chunk)
    keys = row_keys(pa.array(values, pa.string()))
    keys[0] = ~keys[0]  # null is not ""
    return Column(codes, values, keys)


def tokens_of(cell: str | None) -> list[str]:
    """Return the tokens of a cell, exactly as written.

    Null and nothing between two separators give none.
    """
    return [token for token in (cell or "").split(TOKEN_SEPARATOR) if token]


class TokenIndex:
    """The rows of a column that hold a token.

    Parameters
    ----------
    column : the column
    name_of : token -> the label it gives, or None where it must not give one
    """

    def __init__(self, column: Column, name_of: Callable[[str], str | None]) -> None:
        self._codes = column.codes
        names: dict[str, str | None] = {}
        self._cells: dict[str, list[int]] = {}
        for code, cell in enumerate(column.values):
            for token in tokens_of(cell):
                if token not in names:
                    names[token] = name_of(token)
                name = names[token]
                if name is not None:
                    cells = self._cells.setdefault(name, [])
                    if not cells or cells[-1] != code:  # a cell may hold it twice, or two tokens of one name
                        cells.append(code)
        self.tokens = names.keys()  # as written
        in_cell = np.bincount(column.codes, minlength=len(column.values))
        in_cell[0] = 0  # null holds no token
        self._ends = np.cumsum(in_cell)
        self._grouped: npt.NDArray[np.int32] | None = None
        in_cells = in_cell.tolist()
        self.counts = {name: sum(in_cells[cell] for cell in cells) for name, cells in self._cells.items()}

    def rows(self, name: str) -> Rows:
        """Return the distinct rows that hold the token, unordered."""
        if self._grouped is None:
            self._grouped = _grouped(self._codes)
        bounds = [(self._ends[cell - 1], self._ends[cell]) for cell in self._cells[name]]
        rows: Rows = np.concatenate([self._grouped[start:end] for start, end in bounds], dtype=np.int64)
        return rows


def _grouped(codes: Codes) -> npt.NDArray[np.int32]:
    """Return the non-null rows in the order of their codes."""
    rows = np.flatnonzero(codes).astype(np.int32)
    return rows[stable_order(codes[rows])]


def stable_order(codes: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Return the stable order of non-negative codes.

    It sorts 16 bits at a time, which numpy does by radix sort.
    """
    order = np.argsort(codes.astype(np.uint16), kind="stable")
    for shift in range(16, int(codes.max(initial=0)).bit_length(), 16):
        order = order[np.argsort((codes[order] >> shift).astype(np.uint16), kind="stable")]
    return order


def unique_keys(idx: pa.ChunkedArray) -> U64:
    """Return a unique key for each image.

    Raises UserError if an idx occurs twice.
    """
    keys = row_keys(idx)
    order = np.sort(keys)
    if not np.any(order[1:] == order[:-1]):
        return keys
    shared = np.flatnonzero(np.isin(keys, order[1:][order[1:] == order[:-1]]))
    texts = idx.take(shared).to_pylist()
    counts = pc.value_counts(pa.array(texts)).to_pylist()
    twice = min((entry["values"] for entry in counts if entry["counts"] > 1), default=None)
    if twice is not None:
        raise UserError(f"annotations: idx {twice!r} occurs more than once; annotate the sources again")
    keys[shared] = [key64(text) for text in texts]
    return keys
