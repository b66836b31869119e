"""A made-up package, copied for each test that damages it.

It is written once.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.package.made import make_package


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that no test may change."""
    folder = tmp_path_factory.mktemp("made") / "cytoimagenet"
    make_package(folder)
    return folder


@pytest.fixture
def package(made: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(made, tmp_path / "cytoimagenet"))
