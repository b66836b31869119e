"""Memory used by, and available to, a build."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path


def peak_memory() -> int | None:
    """Return peak memory of this process or an ended child.

    The larger figure, in bytes; None where it is not counted.
    """
    if sys.platform == "win32":
        return None
    import resource

    children = _bytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    return max(own_peak_memory() or 0, children)


def own_peak_memory() -> int | None:
    """Return this process's own peak memory in bytes, or None.

    None where it is not counted. ``ru_maxrss`` of Linux is no answer: it begins with what the parent held when it
    started this process.
    """
    if sys.platform == "win32":
        return None
    import resource

    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return _bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _bytes(maxrss: int) -> int:
    return maxrss if sys.platform == "darwin" else maxrss * 1024  # kilobytes elsewhere


def address_limit() -> int | None:
    """Return the limit of this process's address space (``ulimit -v``).

    In bytes; None where there is none.
    """
    if sys.platform == "win32":
        return None
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if most == resource.RLIM_INFINITY else most


def headroom() -> int | None:
    """Return the bytes that this process may still take.

    None where that is unknown. Counted are what the machine has available, the control groups of Linux, and limits of
    the process (``ulimit -v``).
    """
    found = [*_of_machine(), *_of_control_groups(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")), *_of_limits()]
    return max(0, min(found)) if found else None


def _of_machine() -> Iterator[int]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "MemAvailable":
                yield int(rest.split()[0]) * 1024


def _of_control_groups(mine: Path, root: Path) -> Iterator[int]:
    """Yield what each group above this process leaves it (https://docs.kernel.org/admin-guide/cgroup-v2.html).

    Files in the page cache that nothing uses count as free: the kernel gives them up first.
    """
    try:
        lines = mine.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        top, limit, used = (root, "memory.max", "memory.current")
        if "memory" in controllers.split(","):
            top, limit, used = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        elif controllers:
            continue
        place = top / group.strip("/")
        for folder in (place, *place.parents):
            with contextlib.suppress(OSError, ValueError):  # absent at the root; "max" is no number: no limit
                stat = (folder / "memory.stat").read_text()
                cached = map(int, re.findall(r"^(?:total_)?inactive_file (\d+)", stat, re.MULTILINE))
                held = int((folder / used).read_text()) - max(cached, default=0)
                yield int((folder / limit).read_text()) - held
            if folder == top:
                break


def _of_limits() -> Iterator[int]:
    if sys.platform == "win32":
        return
    import resource

    try:
        sizes = [int(pages) * resource.getpagesize() for pages in Path("/proc/self/statm").read_text().split()]
    except OSError:
        return
    for limit, used in ((resource.RLIMIT_AS, sizes[0]), (resource.RLIMIT_DATA, sizes[5])):
        most, _ = resource.getrlimit(limit)
        if most != resource.RLIM_INFINITY:
            yield most - used
