"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from builder.demo.simulate import simulate
from tests.building import LITTLE, SMALL, cytoimagenet, in_this_process, two_phases
from tests.runs import run_of

pytest_plugins = ["pytester", "tests.skips"]

# A shell without job control starts what runs in the background with SIGINT ignored, and children inherit it: the
# tests of Ctrl-C would wait in vain. What is handled here has the default disposition in every child.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("cytoimagenet", deadline=None)  # the time limit of pytest stops a test, not a busy machine
settings.load_profile("cytoimagenet")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real files, one folder per dir_name."""
    named = os.environ.get("CYTOIMAGENET_REAL_DATA")
    if not named:
        pytest.skip("CYTOIMAGENET_REAL_DATA names no folder with real microscopy files")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"CYTOIMAGENET_REAL_DATA names {named}, which is no folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that take long; mark each test's run.

    Workers take a file at a time, so a long one that is begun last would be waited for by all.
    """
    root = Path(__file__).parent
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    for item in items:
        of_a_property = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        ordinary = not of_a_property and item.get_closest_marker("slow") is None
        item.add_marker(run_of(item.path.relative_to(root), ordinary))


def _made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that one worker of pytest makes.

    The others wait for it.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, done = root / name, root / f"{name}.done"
    with FileLock(root / f"{name}.lock"):
        if not done.exists():
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's four simulated sources; not to be changed.

    One folder per dir_name.
    """
    return _made_once(tmp_path_factory, "sources", simulate)


@pytest.fixture(scope="session")
def built(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package built of them; not to be changed.

    Two workers made it; its settings are SMALL, and its WORK lies beside it.
    """

    def build(folder: Path) -> None:
        cytoimagenet("build", simulated, "-o", folder / "cytoimagenet", *SMALL, "--workers", "2")

    return _made_once(tmp_path_factory, "built", build) / "cytoimagenet"


@pytest.fixture(scope="session")
def real_built(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of the real files; not to be changed.

    Two workers made it, and its WORK lies beside it.
    """

    def build(folder: Path) -> None:
        settings = ("--set", "min_images=2", "--set", "min_class_size=2")
        cytoimagenet("build", real_data, "-o", folder / "cytoimagenet", *settings, "--workers", "2")

    return _made_once(tmp_path_factory, "real-built", build) / "cytoimagenet"


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source of 40 small images; not to be changed.

    For builds that take a second.
    """
    return _made_once(tmp_path_factory, "little", two_phases)


@pytest.fixture(scope="session")
def little_built(little: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package built of ``little``; not to be changed.

    One process made it; its settings are LITTLE, and its WORK lies beside it.
    """

    def build(folder: Path) -> None:
        in_this_process("build", little, "-o", folder / "cytoimagenet", *LITTLE, "--workers", "0")

    return _made_once(tmp_path_factory, "little-built", build) / "cytoimagenet"
