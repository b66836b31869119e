"""`cytoimagenet status`: how far a build is, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from builder.engine.run_logs import read_run
from builder.engine.status import StageStatus, status
from builder.engine.store import Store
from builder.errors import UserError
from builder.stages.standardize.rejects import Refused, refused

_SLOWEST: Final = 5


def read_status(work: Store) -> tuple[list[StageStatus], dict[str, Refused]]:
    """Return the progress and rejects of WORK's last build.

    The rejects so far are by reason.

    Raises
    ------
    UserError
        Where WORK holds no log of a run.
    """
    try:
        stages = status(read_run(work))
    except FileNotFoundError:
        raise UserError(f"{work.url} holds no log of a run; name the work folder of a build (PACKAGE.work)") from None
    return stages, refused(work)


def stage_lines(stages: Iterable[StageStatus], now: float) -> Iterator[str]:
    """Yield the state as text, one line per stage.

    What is worth knowing about a stage follows its line.
    """
    for stage in stages:
        of = "" if stage.total is None else f" of {stage.total:,}"
        state = "ended" if stage.ended is not None else f"last result {now - stage.last:,.0f} s ago"
        left = "" if stage.left is None or stage.ended is not None else f", {stage.left / 60:,.0f} min left"
        yield f"{stage.name}: {stage.done:,}{of} done, {stage.rate:,.1f} per second{left}; {state}"
        for reason, count in stage.failures.most_common():
            yield f"  {reason}: {count:,}"
        ranked = sorted(stage.by_source.items(), key=lambda found: found[1][1] / max(1, found[1][0]), reverse=True)
        for source, (units, seconds) in ranked[:_SLOWEST] if len(ranked) > 1 else []:
            yield f"  {source}: {1000 * seconds / max(1, units):,.0f} ms each"
