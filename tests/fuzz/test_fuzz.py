"""A short run of the fuzz; ``python -m tests.fuzz.run 2000`` is the long one."""

from __future__ import annotations

import os
import sys

import pytest

from tests.fuzz.mutations import MUTATIONS
from tests.fuzz.run import run

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="forks")]


def test_malformed_packages_harm_nobody() -> None:
    count = int(os.environ.get("CYTOIMAGENET_FUZZ", 2 * len(MUTATIONS)))
    uses, faults = run(count, seed=1)
    assert faults == []
    assert uses.total() >= 4 * count
