"""The checks of ``.ci`` find faults, and only those."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CI = Path(__file__).resolve().parents[2] / ".ci"
FILES = (
    "builder/dataset_card/README.md.j2",
    "builder/dataset_card/report.html.j2",
    "builder/inspect/explorer/assets/app.js",
    "builder/inspect/explorer/assets/explorer.css",
    "builder/inspect/explorer/assets/page.html",
    "builder/vocabulary/merges.csv",
    "cytoimagenet_reader/py.typed",
    "cytoimagenet-stubs/__init__.pyi",
    "cytoimagenet.py",
)
GOOD = '<script src="assets/a.js"></script><link rel="stylesheet" href="a.css"><a href="https://example.org">see</a>'


def run(name: str, *arguments: object) -> tuple[int, str]:
    """Run a check; return its exit code and output."""
    command = [sys.executable, str(CI / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def wheel(path: Path, *files: str, readme: str = "[paper](https://example.org), [below](#build)") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in files:
            archive.writestr(name, "")
        archive.writestr("cytoimagenet-1.dist-info/METADATA", f"Name: cytoimagenet\n\n{readme}\n")
    return path


def test_a_whole_wheel_passes(tmp_path: Path) -> None:
    assert run("check_wheel.py", wheel(tmp_path / "a.whl", *FILES)) == (0, "")


@pytest.mark.parametrize("missing", FILES)
def test_a_file_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    code, said = run("check_wheel.py", wheel(tmp_path / "a.whl", *(set(FILES) - {missing})))
    assert code == 1
    assert missing in said


def test_a_folder_too_many_is_named(tmp_path: Path) -> None:
    code, said = run("check_wheel.py", wheel(tmp_path / "a.whl", *FILES, "dataset_card/README.md.j2"))
    assert code == 1
    assert "'dataset_card'" in said


def test_a_link_that_an_index_does_not_have_is_named(tmp_path: Path) -> None:
    code, said = run("check_wheel.py", wheel(tmp_path / "a.whl", *FILES, readme="see [how](docs/build.md)"))
    assert code == 1
    assert "docs/build.md" in said


def test_a_site_that_fetches_nothing_elsewhere_passes(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "a.css").write_text("body { background: url(data:image/png;base64,aaaa) } @import 'b.css';")
    assert run("check_site.py", tmp_path) == (0, "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script src="https://example.org/a.js"></script>'),
        ("a.html", '<link rel="preconnect stylesheet" href="//example.org/a.css">'),
        ("a.html", '<img src="http://example.org/a.png">'),
        ("a.css", "@import url('https://example.org/a.css');"),
        ("a.css", '@import "//example.org/a.css";'),
    ],
)
def test_an_address_elsewhere_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / name).write_text(text)
    code, said = run("check_site.py", tmp_path)
    assert code == 1
    assert said.startswith(f"{name}: ")
    assert "example.org" in said


def test_an_empty_site_is_none(tmp_path: Path) -> None:
    assert run("check_site.py", tmp_path)[0] == 1


def test_every_dependency_names_its_lowest_version() -> None:
    code, said = run("lowest_versions.py", "test", "train", "docs")
    assert code == 0, said
    lines = said.splitlines()
    assert "datasets==3.6" in lines
    assert "moto==5.0.20" in lines
    assert all("==" in line for line in lines)
