"""README and documentation tell what works.

Every block in Python and bash is run, but for those that say why not.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbclient
import pytest

from builder.demo.run import DEMO_RECIPE
from builder.recipe import Recipe
from builder.stages.annotate.discover import SIMULATED_MARK
from tests.docs.blocks import PAGES, ROOT, SITE, Block, blocks, to_run

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
LANGUAGES = {"bash", "bibtex", "python", "sql", "text", "toml", "yaml"}


SMALL_SOURCES = ("kag_cell_cycle", "bbbc041")
_EACH = """
import json, sys, traceback
failed = {}
for page, code in json.load(open(sys.argv[1])).items():
    try:
        exec(compile(code, page, "exec"), {"__name__": "__main__"})
    except BaseException:
        failed[page] = traceback.format_exc()
json.dump(failed, open(sys.argv[2], "w"))
"""


@pytest.fixture(scope="module")
def folder(simulated: Path, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a reader's folder, one for all pages.

    From README to the last of the site. DATA holds two of the demo's sources, so that a build takes seconds;
    ``cytoimagenet`` is the demo's package.
    """
    here = tmp_path_factory.mktemp("reader")
    (here / "DATA").mkdir()
    for name in (SIMULATED_MARK, *SMALL_SOURCES):
        (here / "DATA" / name).symlink_to(simulated / name)
    (here / "cytoimagenet").symlink_to(built, target_is_directory=True)
    return here


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The installed command line, an empty cache and no hub."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    home = str(tmp_path_factory.mktemp("hf"))
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HF_HOME": home, "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def ran() -> set[str]:
    """The blocks of earlier pages, word for word."""
    return set()


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if to_run(page, "bash")])
def test_its_commands_work(page: str, folder: Path, environment: dict[str, str], ran: set[str]) -> None:
    for code in to_run(page, "bash"):
        if code not in ran:
            run(["bash", "-euo", "pipefail", "-c", code], folder, environment)
            ran.add(code)


@pytest.fixture(scope="module")
def failures(folder: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What went wrong on each page.

    One interpreter runs them all, each page with names of its own.
    """
    pytest.importorskip("torch")
    scratch = tmp_path_factory.mktemp("python")
    code = {page: "\n".join(to_run(page, "python")) for page in PAGES}  # one block builds on those above it
    (scratch / "code.json").write_text(json.dumps(code), "utf-8")
    run([sys.executable, "-c", _EACH, str(scratch / "code.json"), str(scratch / "failed.json")], folder, environment)
    failed: dict[str, str] = json.loads((scratch / "failed.json").read_text("utf-8"))
    return failed


@pytest.mark.parametrize("page", [page for page in PAGES if to_run(page, "python")])
def test_its_python_works(page: str, failures: dict[str, str]) -> None:
    assert failures.get(page) is None, failures[page]


def test_the_package_of_these_pages_is_that_of_the_demo(built: Path) -> None:
    recipe = json.loads((built / "manifest.json").read_text("utf-8"))["recipe"]
    assert Recipe.of(recipe) == DEMO_RECIPE


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_cells_run(notebook: Path, folder: Path, environment: dict[str, str], monkeypatch: Any) -> None:
    for name in ("PATH", "PYTHONPATH", "HF_HOME"):
        monkeypatch.setenv(name, environment[name])
    cells = jupytext.read(notebook)
    done = nbclient.NotebookClient(cells, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    assert [cell for cell in done.cells if cell.get("outputs")], "a notebook shows something"


def test_every_page_is_in_the_navigation() -> None:
    assert sorted(SITE) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_every_block_names_its_language(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    found = list(blocks(text))
    assert text.count("```") == 2 * len(found), "a fence is not closed, or not read"
    assert {block.language for block in found} <= LANGUAGES


def test_what_another_test_is_said_to_run_it_runs() -> None:
    """A test named by a block gives all its options.

    The block is not run here, because that test does it.
    """
    found = 0
    for page in PAGES:
        for block in blocks((ROOT / page).read_text("utf-8")):
            said = re.fullmatch(r"(?:.*; )?(tests/[\w./]+) (?:does|runs it)", block.reason or "")
            if said:
                found += 1
                place = ROOT / said[1]
                texts = [path.read_text("utf-8") for path in ([place] if place.is_file() else place.rglob("*.py"))]
                for option in re.findall(r"(?<=\s)--[a-z-]+", block.code):
                    assert any(f'"{option}"' in text for text in texts), f"{page}: {said[1]} never gives {option}"
    assert found >= 3


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
