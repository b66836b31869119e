"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real files of the sources, one folder a dir_name."""
    named = os.environ.get("CYTOIMAGENET_REAL_DATA")
    if not named:
        pytest.skip("CYTOIMAGENET_REAL_DATA names no folder with real microscopy files")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"CYTOIMAGENET_REAL_DATA names {named}, which is no folder")
    return folder
