"""Findings about the published release.

Leftovers, duplicates, conflicting labels, and the leak of its own split.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.release.read import Release
from builder.sources.common.folder import Notes
from builder.stages.label.index import encode

Ints = npt.NDArray[np.int64]

_NAMED_CONFLICTS: Final = 100


def release_facts(release: Release, made: npt.NDArray[np.bool_], first: Ints, notes: Notes) -> dict[str, Any]:
    """Describe a release in JSON values.

    Parameters
    ----------
    made : shape (rows,), could the example be read?
    first : shape (rows,), place of the first row with the same pixels
    notes : of the release's folder

    Returns
    -------
    dict:
        examples, missing_files, extra_files, gaps, unreadable, labels_without_token
            numbers of rows with a file, rows without one, files without a row, numbers of a class that no row uses,
            files that could not be read, rows whose label is no token of its category's cell
        duplicates
            sets (of equal examples), same_label, other_label (examples left out, by the label of the one that stays),
            conflicts (the first 100: file, label, stays, stays_label)
        original_split
            images (source images with ``dset``), both_sides (of these, with examples on both sides); None without it
        notes
            kind -> count of all that did not fit
    """
    return {
        "examples": release.rows.num_rows,
        "missing_files": release.missing.num_rows,
        "extra_files": notes.counts.get("files without a row", 0),
        "gaps": release.gaps,
        "unreadable": int((~made).sum()),
        "labels_without_token": release.without_token,
        "duplicates": _duplicates(release.rows, first),
        "original_split": _original_split(release.rows),
        "notes": dict(sorted(notes.counts.items())),
    }


def _duplicates(table: pa.Table, first: Ints) -> dict[str, Any]:
    gone = np.flatnonzero(first != np.arange(len(first)))
    labels = encode(table["label"]).codes
    other = gone[labels[gone] != labels[first[gone]]]
    return {
        "sets": len(np.unique(first[gone])),
        "same_label": len(gone) - len(other),
        "other_label": len(other),
        "conflicts": [
            {
                "file": table["file"][place].as_py(),
                "label": table["label"][place].as_py(),
                "stays": table["file"][stays].as_py(),
                "stays_label": table["label"][stays].as_py(),
            }
            for place, stays in zip(
                other[:_NAMED_CONFLICTS].tolist(), first[other[:_NAMED_CONFLICTS]].tolist(), strict=True
            )
        ],
    }


def _original_split(table: pa.Table) -> dict[str, int] | None:
    """Count source images divided by the release's own split."""
    sides = table.filter(pc.is_valid(table["dset"])).group_by(["idx", "dset"]).aggregate([])
    if not sides.num_rows:
        return None
    counts = sides.group_by("idx").aggregate([([], "count_all")])
    both = int(pc.sum(pc.greater(counts["count_all"], 1)).as_py())
    return {"images": counts.num_rows, "both_sides": both}
