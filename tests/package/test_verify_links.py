"""Links, hidden files and empty folders of a package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from builder.package.verify import verify


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_hidden_files_and_empty_folders_are_named(package: Path) -> None:
    outside = package.parent / "outside.png"
    (package / "figures/classes.png").rename(outside)
    (package / "figures/classes.png").symlink_to(outside)
    (package / "data/gene/.hidden").write_text("x")
    (package / "empty/inner").mkdir(parents=True)
    (package / "shortcut").symlink_to(package.parent)
    (package / ".cache/huggingface").mkdir(parents=True)
    (package / ".cache/huggingface/of_the_client").write_text("x")
    found = {problem.file: problem.what for problem in verify(str(package))}
    assert {"figures/classes.png", "data/gene/.hidden", "empty/inner/", "shortcut"} <= found.keys()
    assert "link" in found["figures/classes.png"]
    assert not any(path.startswith(".cache") for path in found)


def test_the_links_of_the_hubs_cache_are_no_problem(package: Path) -> None:
    blobs, snapshot = package.parent / "repo/blobs", package.parent / "repo/snapshots/abc"
    blobs.mkdir(parents=True)
    for number, path in enumerate(sorted(p for p in package.rglob("*") if p.is_file())):
        path.rename(blobs / str(number))
        (snapshot / path.relative_to(package)).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / path.relative_to(package)).symlink_to(blobs / str(number))
    assert verify(str(snapshot)) == []
