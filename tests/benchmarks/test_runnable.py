"""Every benchmark starts in the same way.

`make bench` runs those that need nothing but what it installs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = sorted(
    path.stem for path in (ROOT / "benchmarks").glob("*.py") if "ArgumentParser(" in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_starts_as_a_module(name: str) -> None:
    if "torch" in (ROOT / f"benchmarks/{name}.py").read_text("utf-8"):
        pytest.importorskip("torch")
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"python -m benchmarks.{name}" in (ROOT / f"benchmarks/{name}.py").read_text("utf-8")


def test_make_bench_leaves_out_only_what_needs_real_tables() -> None:
    listed = re.search(r"^BENCHMARKS = (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert listed is not None
    assert set(listed[1].split()) == set(BENCHMARKS) - {"annotate_full"}


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_it_leaves_the_path_of_modules_alone(path: Path) -> None:
    assert "sys.path" not in path.read_text("utf-8")
