"""The memory that a build took, as the system counts it."""

from __future__ import annotations

import sys


def peak_memory() -> int | None:
    """Return the most bytes that this process, or one of its children that has ended, held; None where not counted."""
    if sys.platform == "win32":
        return None
    import resource

    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return most if sys.platform == "darwin" else most * 1024  # kilobytes elsewhere
