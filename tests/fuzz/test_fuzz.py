"""A short run of the fuzz.

``python -m tests.fuzz.run 2000`` is the long one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.mutations import MUTATIONS

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="forks")]


def test_malformed_packages_harm_nobody() -> None:
    """Runs in a process of its own, which holds little.

    The processes forked from it begin with the memory that it holds.
    """
    count = int(os.environ.get("CYTOIMAGENET_FUZZ", 2 * len(MUTATIONS)))
    command = [sys.executable, "-m", "tests.fuzz.run", str(count), "1"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = re.findall(r"(\d+) packages, (\d+) uses, 0 faults", done.stdout)
    assert said, done.stdout
    assert int(said[-1][0]) == count
    assert int(said[-1][1]) >= 4 * count
