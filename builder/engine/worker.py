"""What happens inside a worker process.

Items are watched one by one; the process ends with its parent and keeps each library to one thread. A worker notes in a
small file which item it is at, so that the item that hangs or kills it is known at once. The file is mapped into
memory: a note is no system call, and what was noted outlives the process, however it ends. The time limit is
faulthandler's: its thread is C code, so it ends even a process that hangs with the interpreter's lock.
"""

from __future__ import annotations

import contextlib
import faulthandler
import mmap
import multiprocessing
import multiprocessing.util
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from builder.engine.localfiles import discard_unpublished
from builder.engine.memory import headroom
from builder.errors import UserError

THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TIFFFILE_NUM_THREADS",
)
"""Variables that keep libraries to one thread a process; the processes are what fills the cores."""

_PLACE = struct.Struct(
    "<qqqdH"
)  # call, bytes of memory left, position of the item, when begun, bytes of the name after
_MOST_NAME = (1 << 16) - 1
_NO_CALL = _BEFORE_FIRST = _UNKNOWN = -1
_MORE = 1.0  # seconds


class Place(NamedTuple):
    """Where a worker was.

    Parameters
    ----------
    position : of its item; None where it was at none
    used : the name of what it was using (``using``), "" for nothing
    memory : bytes that were left to its process when the call began; None where not known
    """

    position: int | None = None
    used: str = ""
    memory: int | None = None


class OutOfMemoryError(Exception):
    """Memory exhaustion in a call, with the place it happened."""

    def __init__(self, detail: str, position: int | None, used: str) -> None:
        super().__init__(detail, position, used)  # all in args, so that it survives pickling
        self.detail, self.position, self.used = detail, position, used


class Watch:
    """Watch over the current item and its time limit."""

    def __init__(self, folder: Path) -> None:
        self._at = _NO_CALL, _UNKNOWN, _BEFORE_FIRST, time.time()
        self._memory = _UNKNOWN
        self.used = ""
        first = _PLACE.pack(*self._at, 0)
        self._place = _mapped(folder / f"{os.getpid()}.place", first.ljust(_PLACE.size + _MOST_NAME, b"\0"))
        self._trace: BinaryIO = (folder / f"{os.getpid()}.trace").open("wb", buffering=0)
        self._ends = 0.0  # by the monotonic clock, when faulthandler would end the process
        faulthandler.enable(self._trace)
        # At an ordinary end; a process that is killed leaves them, and they say why.
        multiprocessing.util.Finalize(None, forget, args=(folder, os.getpid()), exitpriority=0)

    def begin(self, call: int, seconds: float) -> None:
        """Note a call's beginning and the memory left to it."""
        left = headroom()
        self._memory = _UNKNOWN if left is None else left
        self.note(call, _BEFORE_FIRST, seconds)

    @property
    def position(self) -> int | None:
        """Return the begun item's position; None before the first."""
        return None if self._at[2] == _BEFORE_FIRST else self._at[2]

    def note(self, call: int, position: int, seconds: float) -> None:
        """Note the item begun and set its time limit.

        It gets ``seconds``, or up to a tenth more, but not more than one second more. To wind faulthandler up means to
        end its thread and start another: ten times the cost of a note. So it is left as it is while it suits.
        """
        self._at = call, self._memory, position, time.time()
        self.use("")
        least = time.monotonic() + seconds
        more = min(_MORE, seconds / 10)
        if not least <= self._ends <= least + more:
            self._ends = least + more
            faulthandler.dump_traceback_later(seconds + more, exit=True, file=self._trace)

    def use(self, name: str) -> None:
        """Note what the item begun is using."""
        self.used = name
        encoded = name.encode("utf-8", "surrogatepass")
        known = encoded if len(encoded) <= _MOST_NAME else b""
        noted = _PLACE.pack(*self._at, len(known)) + known
        self._place[: len(noted)] = noted

    def rest(self) -> None:
        """Note that nothing is being worked on."""
        self._ends = 0.0
        faulthandler.cancel_dump_traceback_later()


def _mapped(path: Path, content: bytes) -> mmap.mmap:
    """Return a new file's content mapped into memory.

    Its blocks are written, so a disk full later cannot end the process.
    """
    with path.open("w+b", buffering=0) as file:
        file.write(content)
        return mmap.mmap(file.fileno(), len(content))


def check_notes_fit(folder: Path, workers: int) -> None:
    """Raise UserError where workers' notes would not fit.

    Each worker would end as it starts.
    """
    probe = folder / "room"
    try:
        probe.write_bytes(bytes((_PLACE.size + _MOST_NAME) * workers))
    except OSError as error:
        raise UserError(
            f"{folder} cannot take temporary files ({error.strerror}): free some space, or set TMPDIR"
        ) from error
    finally:
        probe.unlink(missing_ok=True)


class WatchedItems(tuple[Any, ...]):
    """A task's items, each noted on the watch when iterated."""

    watch: Watch
    call: int
    time_limit: float

    def __iter__(self) -> Iterator[Any]:
        """Yield the items, each with the time limit.

        It runs until the next is taken; what follows the last has twice as much.
        """
        for position, item in enumerate(tuple.__iter__(self)):
            self.watch.note(self.call, position, self.time_limit)
            yield item
        self.watch.note(self.call, len(self) - 1, 2 * self.time_limit + len(self))


_watch: Watch | None = None
_prepared: set[Callable[[], None]] = set()


def start_worker(folder: str) -> None:
    """Set a new worker process up.

    In ``folder`` it notes what it is at.
    """
    global _watch
    _watch = Watch(Path(folder))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers
    signal.signal(signal.SIGTERM, _end)
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    import pyarrow as pa

    pa.set_cpu_count(1)


def _end(*_: object) -> None:
    discard_unpublished()
    os._exit(128 + signal.SIGTERM)


def _end_with_parent() -> None:
    """End when the parent is gone, however it ended.

    An orphan must not write into the next run.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _end()


def call_watched(
    function: Callable[[Any], Any],
    prepare: Callable[[], None] | None,
    call: int,
    time_limit: float,
    items: tuple[Any, ...],
) -> tuple[Any, float]:
    """Return ``function(items)``, watched, and the seconds it took.

    ``prepare`` comes before the first call that needs it, and is not watched.
    """
    if _watch is None:
        raise RuntimeError("start_worker has not been called in this process")
    if prepare is not None and prepare not in _prepared:
        prepare()
        _prepared.add(prepare)
    watched = WatchedItems(items)
    watched.watch, watched.call, watched.time_limit = _watch, call, time_limit
    _watch.begin(call, 2 * time_limit + len(items))
    try:
        began = time.perf_counter()
        return function(watched), time.perf_counter() - began
    except MemoryError as error:
        detail = f"out of memory {error}".splitlines()[0].strip()
        raise OutOfMemoryError(detail, _watch.position, _watch.used) from None
    finally:
        _watch.rest()


@contextlib.contextmanager
def using(name: str) -> Iterator[None]:
    """Note, during the block, what the item shares with others.

    The note is a file; see ``task.Shared``.
    """
    if _watch is None:
        yield
        return
    _watch.use(name)
    try:
        yield
    except MemoryError:
        raise  # what was used is noted still: it may be why
    except BaseException:
        _watch.use("")
        raise
    _watch.use("")


def place_of(folder: Path, pid: int, call: int) -> Place:
    """Return where a worker was in a call."""
    of_call, memory, position, _, used = _noted(folder / f"{pid}.place")
    if of_call != call:
        return Place()
    known = None if memory == _UNKNOWN else memory
    return Place(memory=known) if position == _BEFORE_FIRST else Place(position, used, known)


def last_begun(folder: Path) -> float:
    """Return when a worker last began an item.

    In seconds since the epoch; 0 where there is none.
    """
    return max((_noted(path)[3] for path in folder.glob("*.place")), default=0.0)


def _noted(path: Path) -> tuple[int, int, int, float, str]:
    try:
        content = path.read_bytes()
        call, memory, position, begun, length = _PLACE.unpack_from(content)
    except (FileNotFoundError, struct.error):  # its process has ended, or has not begun
        return _NO_CALL, _UNKNOWN, _BEFORE_FIRST, 0.0, ""
    name = content[_PLACE.size : _PLACE.size + length].decode("utf-8", "surrogatepass")
    return call, memory, position, begun, name


def trace_of(folder: Path, pid: int) -> str:
    """Return faulthandler's output for an ended worker, or ""."""
    try:
        return (folder / f"{pid}.trace").read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""


def innermost(trace: str) -> str:
    """Return the innermost calls of a trace's main thread.

    ``trace`` is what faulthandler wrote; the outermost call comes last.
    """
    frames = trace.rpartition("(most recent call first):")[2].splitlines()
    calls = [line.strip() for line in frames if line.strip().startswith("File")]
    return " < ".join(calls[:3]) or "unknown code"


def forget(folder: Path, pid: int) -> None:
    """Remove the notes of a worker that has ended."""
    for kind in ("place", "trace"):
        (folder / f"{pid}.{kind}").unlink(missing_ok=True)
