from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.pixels import kernels
from builder.stages.standardize import precompile as warm
from cytoimagenet_reader.png import encoder
from cytoimagenet_reader.png.unfilter import unfilter


def compiled() -> dict[str, int]:
    """Return how many versions of each loop are compiled here.

    {loop: versions compiled in this process}.
    """
    found = {**vars(kernels), **vars(encoder), "unfilter": unfilter}
    return {name: len(function.signatures) for name, function in found.items() if hasattr(function, "signatures")}


_COMPILING = """
import pathlib, sys, time
from builder.stages.standardize import precompile as warm

def say(word):
    with pathlib.Path(sys.argv[1]).open("a") as file:
        file.write(word + " ")

def samples():
    say("begin")
    time.sleep(0.5)
    say("end")
    return iter(())

warm._samples = samples
warm.compile_kernels()
assert warm.is_compiled()
"""


def test_one_process_compiles_and_the_others_wait_for_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _COMPILING, str(tmp_path / "log")]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    started = [subprocess.Popen(command, cwd=Path(warm.__file__).parents[3], env=env) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    said = (tmp_path / "log").read_text().split()
    assert said[:2] == ["begin", "end"], "the first is alone, those that come later read what it compiled"
    assert sorted(said) == ["begin"] * 3 + ["end"] * 3


def test_every_pass_is_among_the_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm.tempfile, "gettempdir", lambda: str(tmp_path))
    assert not warm.is_compiled()
    warm.compile_kernels()
    assert warm.is_compiled()
    assert not {name for name, count in compiled().items() if not count and not name.startswith("_")}
