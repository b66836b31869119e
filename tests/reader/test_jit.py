"""Cached machine code always belongs to the present source.

Whatever file a called function lies in.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cytoimagenet_reader import jit

pytestmark = pytest.mark.slow

CONSTANT = """
SIZE = {number}
"""
USER = """
from cytoimagenet_reader.jit import jit
from other.constant import SIZE

@jit
def caller(x):
    return x + SIZE
"""
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
print(caller(1), sum(caller.dispatcher.stats.cache_hits.values()))
"""
AVERAGE = """
import numpy as np
from cytoimagenet_reader.png.filters import average_rows
print(average_rows(np.zeros((1, 1), np.uint8)))
"""


def run(code: str, folder: Path) -> list[str]:
    """Run code with the folder's packages; return the words printed."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("NUMBA_CACHE_DIR", None)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_changed_function_is_compiled_anew_into_its_callers(tmp_path: Path) -> None:
    package = tmp_path / "cytoimagenet_reader"
    package.mkdir()
    shutil.copy(jit.__file__, package)
    (package / "__init__.py").touch()
    (package / "caller.py").write_text(CALLER)
    (package / "called.py").write_text(CALLED.format(number=10))
    assert run(RUN, tmp_path) == ["11", "0"]
    assert run(RUN, tmp_path) == ["11", "1"]  # from disk
    (package / "called.py").write_text(CALLED.format(number=20))
    assert run(RUN, tmp_path) == ["21", "0"]


def test_a_changed_constant_beside_a_function_of_another_package_is_compiled_anew(tmp_path: Path) -> None:
    shutil.copytree(Path(jit.__file__).parent, tmp_path / "cytoimagenet_reader", ignore=shutil.ignore_patterns("__py*"))
    package = tmp_path / "other"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "user.py").write_text(USER)
    ask = "from other.user import caller; print(caller(1), sum(caller.dispatcher.stats.cache_hits.values()))"
    (package / "constant.py").write_text(CONSTANT.format(number=10))
    assert run(ask, tmp_path) == ["11", "0"]
    assert run(ask, tmp_path) == ["11", "1"]
    (package / "constant.py").write_text(CONSTANT.format(number=20))
    assert run(ask, tmp_path) == ["21", "0"]


def test_compiled_functions_of_the_builder_take_nothing_from_another_folder() -> None:
    """Else a change there would not be seen."""
    root = jit._HERE.parent / "builder"
    users = [path for path in root.rglob("*.py") if "from cytoimagenet_reader.jit" in path.read_text("utf-8")]
    assert users
    for path in users:
        own = ".".join(path.relative_to(root.parent).parent.parts)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("builder"):
                assert (node.module or "").rpartition(".")[0] == own, (path, node.module)


def test_a_place_that_cannot_be_written_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "file"), "HOME": str(tmp_path / "file")}
    done = subprocess.run([sys.executable, "-c", AVERAGE], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["[[3", "0]]"], done.stderr


def test_machine_code_is_kept_by_the_content_of_all_that_it_is_made_from() -> None:
    """Changes to the rest of the reader leave it valid."""
    files = {path.relative_to(jit._HERE).as_posix() for path in jit.compiled_files()}
    assert {"jit.py", "words.py", "resize_kernels.py", "png/deflate_format.py", "png/unfilter.py"} <= files
    assert not {"loader.py", "package.py"} & files
    for name in files:
        for node in ast.walk(ast.parse((jit._HERE / name).read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cytoimagenet_reader."):
                place = node.module.removeprefix("cytoimagenet_reader.").replace(".", "/")  # type: ignore[union-attr]
                assert f"{place}.py" in files or place == "png", (name, node.module)
