"""The run log of WORK, local or remote.

A remote one is published in pieces now and then, for an object cannot grow. A run's pieces are
``runs/<begin>/<n>.jsonl``, ``<begin>`` in milliseconds since 1970; when it ends they become one file,
``runs/<begin>.jsonl``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from builder.engine import localfiles
from builder.engine.log import RunLog, events_of, read_log
from builder.engine.retry import StoreError
from builder.engine.store import Store

log = logging.getLogger(__name__)

LOCAL = "run.jsonl"
REMOTE = "runs"
_EVERY = 30.0  # seconds


def open_log(work: Store) -> RunLog:
    """Return the log of a run with this WORK."""
    path = work.local(LOCAL)
    return PublishedLog(work) if path is None else RunLog(path)


def read_run(work: Store) -> Iterator[dict[str, Any]]:
    """Yield the events of the runs with this WORK.

    Where it is remote, only those of the last run that had a stage.

    Raises
    ------
    FileNotFoundError
        Where WORK holds no log.
    """
    path = work.local(LOCAL)
    return _last_run(work) if path is None else read_log(Path(path))


def _last_run(work: Store) -> Iterator[dict[str, Any]]:
    files = work.list(REMOTE)
    if not files:
        raise FileNotFoundError(f"{work.url}/{REMOTE}")
    for run in sorted({_run(file) for file in files}, reverse=True):
        whole = f"{run}.jsonl"
        pieces = [whole] if whole in files else [file for file in files if _run(file) == run]
        content = work.read_many(pieces)  # a run that ends meanwhile removes them, which is no error
        events = list(events_of(b"".join(content.get(piece, b"") for piece in pieces).splitlines()))
        if any(event["event"] == "stage" for event in events):
            yield from events
            return


def _run(file: str) -> str:
    """Return ``runs/<begin>``."""
    return "/".join(file.split("/")[:2]).removesuffix(".jsonl")


class PublishedLog(RunLog):
    """A run log published every half minute.

    It writes to a local file; a thread of its own publishes what is new.
    """

    def __init__(self, work: Store) -> None:
        self._work = work
        self._folder = localfiles.scratch_folder()
        super().__init__(Path(self._folder.name, LOCAL))
        self._name = f"{REMOTE}/{time.time_ns() // 1_000_000:013d}"
        self._pieces: list[str] = []
        self._published = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._publish_now_and_then, name="run-log", daemon=True)

    def __enter__(self) -> PublishedLog:
        """Note the start."""
        super().__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Note the end and publish, unless the store failed."""
        super().__exit__(kind, error, trace)
        self._ended.set()
        if not isinstance(error, StoreError):
            self._thread.join()
            self._publish_whole()
        self._folder.cleanup()

    def _publish_now_and_then(self) -> None:
        while not self._ended.wait(_EVERY if self._pieces else 1.0):
            try:
                self._publish_piece()
            except StoreError as error:  # the build asks the same store, and ends if it stays so
                log.debug("the run log is not published yet: %s", error)

    def _publish_piece(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self._published)
            new = file.read()
        if new:
            piece = f"{self._name}/{len(self._pieces):06d}.jsonl"
            self._work.write_bytes(piece, new)
            self._pieces.append(piece)
            self._published += len(new)

    def _publish_whole(self) -> None:
        try:
            self._work.write_bytes(f"{self._name}.jsonl", self.path.read_bytes())
            for piece in self._pieces:
                self._work.delete(piece)
        except StoreError as error:
            log.warning("the run log is not published: %s", error)
