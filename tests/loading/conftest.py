"""One made-up package for the tests of loading."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from cytoimagenet_reader.png.encoder import encode
from tests.loading.made_package import make_package
from tests.loading.script_alone import load_script


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    datasets.disable_progress_bars()


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of 270 made-up images; not to be changed.

    Three categories, three shards a category; images as the builder encodes them.
    """
    return make_package(tmp_path_factory.mktemp("made") / "cytoimagenet", encode=encode)


@pytest.fixture(scope="session")
def parquet_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images as in ``package``, in Parquet.

    Not to be changed.
    """
    return make_package(tmp_path_factory.mktemp("made") / "parquet", encode=encode, file_format="parquet")


@pytest.fixture
def own_package(package: Path, tmp_path: Path) -> Callable[[], Path]:
    """Return a function that makes a copy to be damaged."""

    def copy() -> Path:
        return Path(shutil.copytree(package, tmp_path / "cytoimagenet"))

    return copy


@pytest.fixture
def script() -> Any:
    """The script as a module that cannot import the reader.

    It is a module of this process.
    """
    return load_script()
