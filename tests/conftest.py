"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from builder.demo.simulate import simulate
from tests.building import SMALL, cytoimagenet

pytest_plugins = ["pytester", "tests.skips"]

# A shell without job control starts what runs in the background with SIGINT ignored, and children inherit it: the
# tests of Ctrl-C would wait in vain. What is handled here has the default disposition in every child.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("cytoimagenet", deadline=None)  # the time limit of pytest stops a test, not a busy machine
settings.load_profile("cytoimagenet")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real files of the sources, one folder per dir_name."""
    named = os.environ.get("CYTOIMAGENET_REAL_DATA")
    if not named:
        pytest.skip("CYTOIMAGENET_REAL_DATA names no folder with real microscopy files")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"CYTOIMAGENET_REAL_DATA names {named}, which is no folder")
    return folder


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's four simulated sources, one folder per dir_name; not to be changed."""
    folder = tmp_path_factory.mktemp("sources")
    simulate(folder)
    return folder


@pytest.fixture(scope="session")
def built(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package built of them with two workers and the settings SMALL, its WORK beside it; not to be changed."""
    package = tmp_path_factory.mktemp("built") / "cytoimagenet"
    cytoimagenet("build", simulated, "-o", package, *SMALL, "--workers", "2")
    return package
