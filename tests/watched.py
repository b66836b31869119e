"""Which tests a run watches for coverage.

They have a run of their own.

``python -m tests.watched`` prints their folders. Python before 3.12 runs twice as slowly where it is watched: these are
tests of single modules, which take no longer than a moment and need nothing that takes long to make.
"""

from __future__ import annotations

from typing import Final

FOLDERS: Final = (
    *("download", "inspect", "package", "pixels", "reader"),
    *("release", "sources", "stages", "vocabulary"),
)

if __name__ == "__main__":
    print(*(f"tests/{folder}" for folder in FOLDERS))
