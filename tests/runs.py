"""The runs into which ``.ci/run`` divides the tests.

``python -m tests.runs NAME`` prints the folders or files of one. What no run names is the last one's.
"""

from __future__ import annotations

import sys
from pathlib import PurePath
from typing import Final

WATCHED: Final = (
    *("download", "inspect", "package", "pixels", "reader"),
    *("release", "sources", "stages", "vocabulary"),
)
"""Folders whose tests are watched for coverage.

Python before 3.12 runs twice as slowly where it is watched: these are tests of single modules, which take no longer
than a moment and need nothing that takes long to make.
"""

WAITING: Final = ("engine/test_buckets.py", "engine/test_cluster.py", "engine/test_disturbed.py", "hub/test_kills.py")
"""Files whose tests wait most of their time, and can do so beside others."""


def run_of(path: PurePath, ordinary: bool) -> str:
    """Return the run that takes a test.

    Parameters
    ----------
    path : of its module, in the folder ``tests``
    ordinary : whether it is neither slow nor of a property, whose hundreds of examples run the same lines
    """
    if path.as_posix() in WAITING:
        return "waiting"
    return "watched" if path.parts[0] in WATCHED and ordinary else "other"


if __name__ == "__main__":
    print(*(f"tests/{name}" for name in {"watched": WATCHED, "waiting": WAITING}[sys.argv[1]]))
