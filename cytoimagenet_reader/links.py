"""Checks that links stay inside a package's folder.

The package may be anyone's: no link may lead a reader to another file of the machine.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path


def leading_out(root: str, paths: Iterable[str]) -> str | None:
    """Return what is wrong with the first unsound file.

    It lies elsewhere, or is no file; None where all are sound. In the hub's cache a file of ``snapshots/<revision>`` is
    a link into ``blobs`` beside ``snapshots``, which is sound. A file that is not there is for its reader to name.

    Parameters
    ----------
    root : the folder of the package; it may be a link itself
    paths : of files below it
    """
    base = os.path.realpath(root)
    blobs = [str(parent.parent / "blobs") for parent in Path(base).parents if parent.name == "snapshots"]
    for path in paths:
        real = os.path.realpath(os.path.join(base, path))
        inside = real.startswith(os.path.join(base, "")) or os.path.dirname(real) in blobs
        if not inside and os.path.lexists(os.path.join(base, path)):
            return f"{path} is a link to a file outside; put the file itself there"
        try:
            mode = os.stat(real).st_mode
        except OSError:
            continue
        if not stat.S_ISREG(mode):
            return f"{path} is no file"
    return None
