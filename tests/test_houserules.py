"""Rules that hold for every module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path for folder in ("builder", "cytoimagenet_reader") for path in (ROOT / folder).rglob("*.py"))
AROUND = ("tests", "benchmarks", "examples", ".ci")
MOST_LINES = {ROOT / "cytoimagenet.py": 415}  # `datasets` 3 copies it by itself, so that it cannot be divided


@pytest.mark.parametrize("path", [*MODULES, *MOST_LINES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_can_be_read_in_one_go(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= MOST_LINES.get(path, 300), "divide it: a module does one thing"


@pytest.mark.parametrize("place", ["builder", "cytoimagenet_reader", "cytoimagenet.py", *AROUND])
def test_docstrings_begin_with_ten_words_or_fewer(place: str) -> None:
    """Those of commands are what ``--help`` prints."""
    found = []
    for path in sorted((ROOT / place).rglob("*.py")) or [ROOT / place]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first, *_ = (ast.get_docstring(node) or "").split("\n")
                if len(first.split()) > 10:
                    found.append(f"{path.relative_to(ROOT)}: {getattr(node, 'name', 'the module')}: {first}")
    assert not found, "\n".join(found)


def test_pyarrow_reads_no_python_file_in_its_own_threads() -> None:
    """At exit, a thread that holds one aborts the process.

    `builder.engine.parquet` and the reader's checks see to that; what else reads Parquet reads a buffer or a path.
    """
    careful = {ROOT / "builder/engine/parquet.py", ROOT / "cytoimagenet_reader/parquet_checks.py"}
    found = []
    for path in {*MODULES} - careful:
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "pq.read_table" in text or "pq.ParquetFile" in text else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("pq.read_table", "pq.ParquetFile"):
                source = ast.unparse(node.args[0])
                if source != "path" and not source.startswith("pa.BufferReader("):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {source}")
    assert found == []


def test_what_is_broken_off_is_not_closed_by_a_writer_that_is_let_go_of() -> None:
    """Closing it would print a traceback after Ctrl-C.

    `builder.engine.parquet.parquet_writer` sees to that.
    """
    mended = ROOT / "builder/engine/parquet.py"
    found = [path.relative_to(ROOT) for path in MODULES if "pq.ParquetWriter(" in path.read_text("utf-8")]
    assert found == [mended.relative_to(ROOT)]
