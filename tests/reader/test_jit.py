"""Machine code that is kept on disk is that of the present source, whatever file a called function lies in."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cytoimagenet_reader import jit

CALLED = """
from cytoimagenet_reader.jit import jit

@jit
def called(x):
    return x + {number}
"""
CALLER = """
from cytoimagenet_reader.jit import jit
from cytoimagenet_reader.called import called

@jit
def caller(x):
    return called(x)
"""
RUN = """
from cytoimagenet_reader.caller import caller
print(caller(1), sum(caller.stats.cache_hits.values()))
"""
AVERAGE = """
import numpy as np
from cytoimagenet_reader.png.filters import average_rows
print(average_rows(np.zeros((1, 1), np.uint8)))
"""


def test_a_changed_function_is_compiled_anew_into_its_callers(tmp_path: Path) -> None:
    package = tmp_path / "cytoimagenet_reader"
    package.mkdir()
    shutil.copy(jit.__file__, package)
    (package / "__init__.py").touch()
    (package / "caller.py").write_text(CALLER)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)

    def run() -> list[str]:
        command = [sys.executable, "-c", RUN]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout.split()

    (package / "called.py").write_text(CALLED.format(number=10))
    assert run() == ["11", "0"]
    assert run() == ["11", "1"]  # from disk
    (package / "called.py").write_text(CALLED.format(number=20))
    assert run() == ["21", "0"]


def test_a_place_that_cannot_be_written_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "file"), "HOME": str(tmp_path / "file")}
    done = subprocess.run([sys.executable, "-c", AVERAGE], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["[[3", "0]]"], done.stderr


def test_machine_code_is_kept_by_the_content_of_all_that_it_is_made_from() -> None:
    """And of nothing else, so that it outlives a change to the rest of the reader."""
    files = {path.relative_to(jit._HERE).as_posix() for path in jit.compiled_files()}
    assert {"jit.py", "words.py", "resize_kernels.py", "png/deflate_format.py", "png/unfilter.py"} <= files
    assert not {"loader.py", "package.py"} & files
    for name in files:
        for node in ast.walk(ast.parse((jit._HERE / name).read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cytoimagenet_reader."):
                place = node.module.removeprefix("cytoimagenet_reader.").replace(".", "/")  # type: ignore[union-attr]
                assert f"{place}.py" in files or place == "png", (name, node.module)
