"""The map: shown examples projected to a plane, near copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from builder.engine.store import Store
from builder.errors import UserError
from builder.inspect.explorer.class_pages import Shown
from builder.inspect.explorer.project import near_copies, principal_axes, standardised
from builder.inspect.explorer.rows import coded, records
from builder.inspect.explorer.summary import Classes

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

MOST: Final = 20_000
"""Examples on the map."""
_STEPS: Final = 4095  # of an axis
_KEYS: Final = ("path", "filename")


def on_map(shown: Shown, classes: Classes) -> I64:
    """Return which shown examples are on the map.

    As many of each class, at most `MOST`.
    """
    each = max(1, MOST // max(1, len(classes.names)))
    return np.flatnonzero(shown.place < each)[:MOST]


def read_embeddings(path: Path, package: Store, rows: I64) -> tuple[F64, npt.NDArray[np.bool_]]:
    """Return the embeddings of some examples, and which have one.

    Parameters
    ----------
    path : Parquet with the columns ``path``, ``filename`` and ``embedding`` (a list of numbers, as many in each row)
    rows : int64 (n,), of metadata.parquet

    Raises
    ------
    UserError
        Where it has other columns, or no row of these examples.
    """
    try:
        with pq.ParquetFile(path) as parquet:
            missing = {*_KEYS, "embedding"} - set(parquet.schema_arrow.names)
            if missing:
                names = ", ".join(sorted(missing))
                raise UserError(f"{path} has no column {names}: it needs path, filename, embedding")
            at = {key: number for number, key in enumerate(_names(records(package, rows)))}
            found: dict[int, npt.NDArray[np.floating[Any]]] = {}
            for batch in parquet.iter_batches(10_000, columns=[*_KEYS, "embedding"]):
                for place, key in enumerate(_names(batch)):
                    if key in at:
                        found[at[key]] = np.asarray(batch["embedding"][place].as_py(), np.float64)
    except (pa.ArrowException, OSError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); it needs the columns path, filename, embedding") from None
    lengths = {vector.shape for vector in found.values()}
    if len(lengths) != 1:
        what = "no embedding of the examples that are shown" if not found else "embeddings of several lengths"
        raise UserError(f"{path} has {what}")
    vectors, known = np.zeros((len(rows), *lengths.pop())), np.zeros(len(rows), bool)
    for number, vector in found.items():
        vectors[number], known[number] = vector, bool(np.isfinite(vector).all())
    return vectors, known


def map_data(
    table: pa.Table, classes: Classes, shown: Shown, points: I64, vectors: npt.NDArray[Any], what: str
) -> dict[str, Any]:
    """Return the map as JSON values.

    Parameters
    ----------
    points : int64 (n,), places among the shown
    vectors : (n, d), of these
    what : made them, for the reader
    """
    axes, shares = principal_axes(standardised(vectors))
    rows = shown.rows[points]
    some = table.select(["dir_name", "batch", "split", "phash"]).take(pa.array(rows))
    sources, batches, sides = (coded(some[name]) for name in ("dir_name", "batch", "split"))
    hashes = some["phash"].to_numpy().astype(np.uint64)
    return {
        "what": what,
        "of": table.num_rows,
        "axes": [_steps(axis) for axis in axes.T],
        "shares": [round(share, 4) for share in shares.tolist()],
        "class": classes.of_row[rows].tolist(),
        "place": shown.place[points].tolist(),
        "source": sources.codes.tolist(),
        "batch": batches.codes.tolist(),
        "split": sides.codes.tolist(),
        "values": {"source": sources.values, "batch": batches.values, "split": sides.values},
        "copies": near_copies(hashes),
    }


def _names(rows: pa.Table | pa.RecordBatch) -> list[tuple[str, str]]:
    """Return path and filename, which name an example."""
    return list(zip(rows["path"].to_pylist(), rows["filename"].to_pylist(), strict=True))


def _steps(axis: F64) -> list[int]:
    """Return an axis in whole steps.

    The last thousandths at either end are drawn in.
    """
    low, high = np.percentile(axis, (0.1, 99.9)).tolist()
    inside = np.clip(axis, low, high) - low
    steps: list[int] = np.rint(inside / max(high - low, 1e-12) * _STEPS).astype(np.int64).tolist()
    return steps
