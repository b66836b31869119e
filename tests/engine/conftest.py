from __future__ import annotations

from pathlib import Path

import pytest

from builder.demo.simulate import simulate


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's sources, for whole builds; what a test changes there it puts back."""
    folder = tmp_path_factory.mktemp("sources")
    simulate(folder)
    return folder
