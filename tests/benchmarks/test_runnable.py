"""Every benchmark starts in the same way.

`make bench` runs those that need nothing but what it installs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = sorted(
    path.stem for path in (ROOT / "benchmarks").glob("*.py") if "ArgumentParser(" in path.read_text("utf-8")
)


_HELP_OF_EACH = """
import json, runpy, sys, traceback
failed = {}
for name in sys.argv[2:]:
    out, sys.argv = sys.argv[1], [sys.argv[0], "--help"]
    try:
        runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        failed |= {name: f"exit {ended.code}"} if ended.code else {}
    except BaseException:
        failed[name] = traceback.format_exc()
    else:
        failed[name] = "no help"
    sys.argv = [sys.argv[0], out]
json.dump(failed, open(out, "w"))
"""


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what went wrong as each benchmark printed its help.

    One interpreter runs them all, as ``python -m`` would.
    """
    pytest.importorskip("torch")
    out = tmp_path_factory.mktemp("benchmarks") / "failed.json"
    command = [sys.executable, "-c", _HELP_OF_EACH, str(out), *BENCHMARKS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(out.read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_starts_as_a_module(name: str, failures: dict[str, str]) -> None:
    assert failures.get(name) is None, failures[name]
    assert f"python -m benchmarks.{name}" in (ROOT / f"benchmarks/{name}.py").read_text("utf-8")


def test_make_bench_leaves_out_only_what_needs_real_tables() -> None:
    listed = re.search(r"^BENCHMARKS = (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert listed is not None
    assert set(listed[1].split()) == set(BENCHMARKS) - {"annotate_full"}


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_it_leaves_the_path_of_modules_alone(path: Path) -> None:
    assert "sys.path" not in path.read_text("utf-8")
