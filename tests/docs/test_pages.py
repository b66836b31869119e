"""README and documentation tell what works: every block in Python and bash is run, but those that say why not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbclient
import pytest

from tests.docs.blocks import PAGES, ROOT, Block, blocks, to_run

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
LANGUAGES = {"bash", "bibtex", "python", "sql", "text", "toml", "yaml"}


@pytest.fixture
def folder(simulated: Path, built: Path, tmp_path: Path) -> Path:
    """A folder as the pages have it: the demo's sources in DATA, the package made of them in ``cytoimagenet``."""
    (tmp_path / "DATA").symlink_to(simulated, target_is_directory=True)
    (tmp_path / "cytoimagenet").symlink_to(built, target_is_directory=True)
    return tmp_path


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The command line as installed, an empty cache, and no hub."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    home = str(tmp_path_factory.mktemp("hf"))
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HF_HOME": home, "HF_HUB_OFFLINE": "1"}


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if to_run(page, "bash")])
def test_its_commands_work(page: str, folder: Path, environment: dict[str, str]) -> None:
    for code in to_run(page, "bash"):
        run(["bash", "-euo", "pipefail", "-c", code], folder, environment)


@pytest.mark.parametrize("page", [page for page in PAGES if to_run(page, "python")])
def test_its_python_works(page: str, folder: Path, environment: dict[str, str]) -> None:
    code = "\n".join(to_run(page, "python"))  # one block builds on those above it
    if "torch" in code:
        pytest.importorskip("torch")
    run([sys.executable, "-c", code], folder, environment)


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_cells_run(notebook: Path, folder: Path, environment: dict[str, str], monkeypatch: Any) -> None:
    for name in ("PATH", "PYTHONPATH", "HF_HOME"):
        monkeypatch.setenv(name, environment[name])
    cells = jupytext.read(notebook)
    done = nbclient.NotebookClient(cells, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    assert [cell for cell in done.cells if cell.get("outputs")], "a notebook shows something"


@pytest.mark.parametrize("page", PAGES)
def test_every_block_names_its_language(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    found = list(blocks(text))
    assert text.count("```") == 2 * len(found), "a fence is not closed, or not read"
    assert {block.language for block in found} <= LANGUAGES


def test_blocks_are_read_with_their_marks() -> None:
    text = (
        "a\n```bash\nls\n```\n"
        "<!-- not run: no disk -->\n```python\nx = 1\n\ny = 2\n```\n"
        "   <!-- not run: in a list -->\n   ```text\n   b\n   ```\n"
    )
    assert list(blocks(text)) == [
        Block("bash", "ls\n", None),
        Block("python", "x = 1\n\ny = 2\n", "no disk"),
        Block("text", "   b\n", "in a list"),
    ]
