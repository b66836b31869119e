from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the demo's sources, for whole builds.

    A test that changes it puts it back.
    """
    folder = tmp_path_factory.mktemp("copied") / "sources"
    shutil.copytree(simulated, folder)
    return folder
