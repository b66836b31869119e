"""The stub of ``cytoimagenet.py`` is true, and users see types.

It says what the module does.
"""

from __future__ import annotations

import ast
import dataclasses
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import datasets
import numpy as np
import pytest

import cytoimagenet

ROOT = Path(cytoimagenet.__file__).parent
STUB = ROOT / "cytoimagenet-stubs" / "__init__.pyi"


def imported(path: Path) -> dict[str, str]:
    """Return {name: module} of a file's imports from the reader."""
    tree = ast.parse(path.read_text("utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    reader = [node for node in found if (node.module or "").startswith("cytoimagenet_reader.")]
    return {alias.name: str(node.module) for node in reader for alias in node.names}


def test_the_stub_has_every_public_name_from_its_module() -> None:
    module, stub = imported(Path(cytoimagenet.__file__)), imported(STUB)
    assert stub == {name: place for name, place in module.items() if name in cytoimagenet.__all__}
    scope: dict[str, object] = {}
    tree = ast.parse(STUB.read_text("utf-8"))
    for node in tree.body:
        if "__all__" in ast.unparse(node):
            exec(ast.unparse(node), scope)
    assert scope["__all__"] == cytoimagenet.__all__
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    defined |= {
        node.target.id for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    assert defined | set(stub) == set(cytoimagenet.__all__)


def test_the_stub_has_the_fields_of_the_config() -> None:
    inherited = {field.name for field in dataclasses.fields(datasets.BuilderConfig)}
    fields = [f for f in dataclasses.fields(cytoimagenet.CytoImageNetConfig) if f.name not in inherited]
    wanted = [f"{field.name}: {field.type} = {field.default}" for field in fields]
    config = next(n for n in ast.parse(STUB.read_text("utf-8")).body if getattr(n, "name", "") == "CytoImageNetConfig")
    assert isinstance(config, ast.ClassDef)
    assert [ast.unparse(node) for node in config.body] == wanted


USER = """
import cytoimagenet
from cytoimagenet import open

open(3)
cytoimagenet.loader("package", size="large")
cells = open("package", "organism", columns=["label"])
pixels = cytoimagenet.decode(b"")
reveal_type(pixels)
cytoimagenet.CytoImageNet("full", data_dir="package")
cytoimagenet.nothing
"""


@pytest.mark.slow
def test_a_user_sees_types(tmp_path: Path) -> None:
    """mypy checks with stub, module and reader as installed packages."""
    pytest.importorskip("mypy")
    venv.create(tmp_path / "env")
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    shutil.copy(ROOT / "cytoimagenet.py", site)
    for name in ("cytoimagenet-stubs", "cytoimagenet_reader"):
        shutil.copytree(ROOT / name, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    (site / "numpy").symlink_to(Path(np.__file__).parent)  # of the other packages no types are needed
    (tmp_path / "user.py").write_text(USER)
    python = str(tmp_path / "env" / "bin" / "python")
    options = ["--strict", "--config-file=", "--no-incremental", "--python-executable", python]
    command = [sys.executable, "-m", "mypy", *options, "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert [line.split(":")[1] for line in lines[:-1]] == ["5", "6", "9", "11"], done.stdout + done.stderr
    assert 'Argument 1 to "open" has incompatible type "int"' in lines[0]
    assert 'Argument "size" to "loader" has incompatible type "str"' in lines[1]
    assert "ndarray" in lines[2]
    assert 'Module has no attribute "nothing"' in lines[3]
