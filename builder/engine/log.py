"""The run log: one JSON object per line.

It is for people and programs that watch a build.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from builder import __version__


class RunLog:
    """A log that appends events to a local file.

    Each line is whole even where several builds share it. Every event has ``time`` (seconds since 1970) and ``event``;
    those of tasks have ``stage``, ``task``, ``weight`` (images, rows ...: what the stage counts) and ``seconds`` (that
    the call took in its worker). ``stage`` and ``stage_end`` frame a stage, with its ``total`` and the ``peak_bytes``
    of memory of the largest process so far.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("ab", buffering=0)  # a line a write: appends do not mix

    def __enter__(self) -> RunLog:
        """Note the start."""
        self.write("begin", version=__version__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Note the end, and what ended it."""
        self.write("end", error=None if error is None else f"{type(error).__name__}: {error}")
        self._file.close()

    def write(self, event: str, **facts: Any) -> None:
        """Append one event."""
        seconds = facts.get("seconds")
        if seconds is not None:
            facts["seconds"] = round(seconds, 3)
        line = json.dumps({"time": round(time.time(), 3), "event": event, **facts}, ensure_ascii=False)
        self._file.write(line.encode("utf-8", "replace") + b"\n")


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a run log."""
    with path.open("rb") as file:
        yield from events_of(file)


def events_of(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the events of a run log's lines.

    An incomplete last line, of a killed build, is left out.
    """
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event and "time" in event:
            yield event
