"""Refused images in WORK: counting and retrying them.

Counts say since when and why; forgotten rejects are tried again.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.engine.parquet import open_parquet
from builder.engine.store import Store
from builder.errors import UserError
from builder.schema import REASONS
from builder.stages import work_files
from builder.stages.standardize.parts import FINGERPRINT, MADE

log = logging.getLogger(__name__)

OF_READING: Final = ("unreadable", "crashed", "too_large", "mismatched")
"""Reasons that come from reading files; the others are judgements on pixels."""


@dataclasses.dataclass
class Refused:
    """What one reason has cost.

    Attributes
    ----------
    count : images and crops
    since : when the first was refused, UTC, ISO 8601
    example : "idx: detail" of that one
    """

    count: int
    since: str
    example: str


def refused(work: Store) -> dict[str, Refused]:
    """Return the refusals of the present build, by reason.

    The most frequent comes first.
    """
    found: dict[str, Refused] = {}
    if not work.exists(work_files.PRESENT):
        return found
    for _, part in _parts(work, work.read_bytes(work_files.PRESENT).decode()):
        made = (part.schema.metadata or {}).get(MADE, b"").decode()
        rows = part.select(["idx", "reason", "detail"]).filter(pc.is_valid(part["reason"]))
        for row in rows.to_pylist():
            known = found.setdefault(row["reason"], Refused(0, made, ""))
            known.count += 1
            if not known.example or made < known.since:
                known.since, known.example = made, f"{row['idx']}: {row['detail'] or row['reason']}"
    return dict(sorted(found.items(), key=lambda pair: -pair[1].count))


def forget_rejects(work: Store, fingerprint: str, reasons: Collection[str]) -> None:
    """Forget images refused for these reasons, and report their number.

    They are tried again.
    """
    if reasons:
        count = forget(work, fingerprint, reasons)
        log.info("retrying %s images that were rejected before as %s", f"{count:,}", ", ".join(reasons))


def forget(work: Store, fingerprint: str, reasons: Collection[str]) -> int:
    """Remove images refused for these reasons; return their number.

    The rows of a part are replaced in one step, so that after an interruption an image is either refused or to be made.

    Raises
    ------
    UserError
        For a reason that standardisation does not give.
    """
    unknown = sorted(set(reasons) - REASONS.keys())
    if unknown:
        raise UserError(f"unknown reason {', '.join(unknown)}; known are {', '.join(REASONS)}")
    wanted = pa.array(sorted(reasons), pa.string())
    count = 0
    for path, part in _parts(work, fingerprint):
        gone = pc.unique(part["idx"].filter(pc.is_in(part["reason"], value_set=wanted)))
        if not len(gone):
            continue
        count += len(gone)
        left = part.filter(pc.invert(pc.is_in(part["idx"], value_set=gone)))
        if left.num_rows:
            with work.writing(path) as file:
                pq.write_table(left, file, compression="zstd")
        else:
            work.delete(path)
    return count


def _parts(work: Store, fingerprint: str) -> Iterator[tuple[str, pa.Table]]:
    """Yield (path, rows) of this recipe and code's parts.

    The rows keep their metadata.
    """
    for path in work.list(work_files.PARTS):
        if path.endswith(".parquet"):
            with open_parquet(work, path) as part:
                if (part.schema.metadata or {}).get(FINGERPRINT) == fingerprint.encode():
                    yield path, part.read(threads=False)
