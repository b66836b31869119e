"""Images that could not be made because of machine faults.

They are not in this package; the next build tries them again.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from builder.engine import markers
from builder.engine.failures import how_it_failed
from builder.engine.task import Failure
from builder.errors import UserError

log = logging.getLogger(__name__)

REASON: Final = "not_tried"
_NAMED: Final = 3
_REMEDIES: Final[Mapping[Failure, str]] = {
    "timed_out": "give it more time with --time-limit SECONDS, or see whether its file system hangs",
    "out_of_memory": "give it more memory",
    "crashed": "give it more memory, or see the log above",
}


@dataclasses.dataclass(frozen=True)
class FaultPolicy:
    """How a build handles faults and earlier refusals.

    Parameters
    ----------
    skip_unreadable : go on without images that cannot be tried
    retry_rejects : reasons whose images are tried again
    """

    skip_unreadable: bool = False
    retry_rejects: tuple[str, ...] = ()


STOP_AT_FAULTS: Final = FaultPolicy()


class NotTried:
    """Collector of images that could not be tried.

    Unless ``skip``, the first of them ends the run.

    Parameters
    ----------
    skip : whether to go on without them (``--skip-unreadable``)
    """

    def __init__(self, skip: bool = False) -> None:
        self._skip = skip
        self._details: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._details)

    def on_fault(self, item: Any, reason: Failure, detail: str) -> None:
        """Handle an item that ran out of memory or time.

        Called by ``run_tasks``.

        Raises
        ------
        UserError
            Where images may not be left out.
        """
        text = how_it_failed(reason, detail)
        if not self._skip:
            raise UserError(f"{item.dir_name}/{item.files[0]}: {text}; {_REMEDIES[reason]}; {RUN_AGAIN}")
        self.add([(item.idx, text)])

    def add(self, found: Iterable[tuple[str, str]]) -> None:
        """Take (idx, why) of images that a worker left out."""
        self._details.update(found)

    @property
    def fingerprint(self) -> str:
        """Return a hash of these images; "" where none."""
        return markers.fingerprint(*sorted(self._details)) if self._details else ""

    def without(self, images: pa.Table) -> pa.Table:
        """Return the images that are not among these."""
        return images.filter(pc.invert(pc.is_in(images["idx"], value_set=pa.array(self._details, pa.string()))))

    def with_rows(self, rows: pa.Table) -> pa.Table:
        """Return the parts' rows with one added per untried image.

        The rows have the columns of ``part_rows.ROWS`` and ``part``, and are sorted by idx.
        """
        if not self._details:
            return rows
        mine = [
            {"idx": idx, "candidate": -1, "crop": False, "scaling": 1.0, "reason": REASON, "detail": detail}
            | {"crops": 0, "file_signature": 0}
            for idx, detail in sorted(self._details.items())
        ]
        table = pa.Table.from_pylist(mine, schema=pa.schema([field for field in rows.schema if field.name != "part"]))
        parts = pa.array([""] * len(mine), pa.string()).dictionary_encode().cast(rows.schema.field("part").type)
        return pa.concat_tables([rows, table.append_column("part", parts)]).unify_dictionaries()

    def say(self) -> None:
        """Report the number of images, and the first few reasons."""
        if self._details:
            first = "; ".join(f"{idx}: {detail}" for idx, detail in sorted(self._details.items())[:_NAMED])
            log.warning("%s images were not tried, for instance %s", f"{len(self):,}", first)


RUN_AGAIN: Final = "then run the same command again, or continue without such images with --skip-unreadable"
