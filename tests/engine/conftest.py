from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo's sources, for whole builds; what a test changes there it puts back."""
    folder = tmp_path_factory.mktemp("copied") / "sources"
    shutil.copytree(simulated, folder)
    return folder
