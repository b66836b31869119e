"""Progress display on stderr.

A terminal gets a bar with rate and time left, anything else a line every half minute.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from tqdm import tqdm

_EVERY = 30.0  # seconds between lines where there is no terminal


class Progress:
    """How far a stage is, as a context manager.

    Parameters
    ----------
    title : the stage
    total : what is to do, in ``unit``; None where it is not known
    unit : what is counted, in the plural
    """

    def __init__(self, title: str, total: int | None = None, unit: str = "images") -> None:
        self.title = title
        self.total = total
        self.unit = unit
        self.done = 0
        self.began = time.monotonic()
        self._said = self.began
        self._first = (self.began, 0)  # when the first came, and how many: before it, workers start and compile
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> Progress:
        """Start the clock and, on a terminal, the bar."""
        self.began = self._said = time.monotonic()
        if sys.stderr.isatty():
            self._bar = tqdm(total=self.total, desc=self.title, unit=f" {self.unit}", leave=False, smoothing=0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def add(self, count: int = 1) -> None:
        """Count what was done."""
        if not self.done:
            self._first = (time.monotonic(), count)
        self.done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._said >= _EVERY:
            self._said = time.monotonic()
            print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """Return the state as one line."""
        more = self.done - self._first[1]
        since, counted = (self._first[0], more) if more else (self.began, self.done)
        rate = counted / max(time.monotonic() - since, 1e-6)
        if not self.total:
            return f"{self.title}: {self.done:,} {self.unit}, {rate:,.1f} per second"
        left = tqdm.format_interval((self.total - self.done) / rate) if more else "?"
        return f"{self.title}: {self.done:,} of {self.total:,} {self.unit}, {rate:,.1f} per second, {left} left"
