"""What the fuzz changes: small packages and a release."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from click.testing import CliRunner
from PIL import Image

from builder.cli import main
from tests.package.made import make_package
from tests.release.made_release import CLASSES, rows_of, write_images, write_table

_SOURCE = """title = "Made-up cells"
license = "CC0-1.0"
organism = "human"

[files]
class_folders = "phenotype"
"""
_SMALL = ("min_images=4", "min_class_size=4", "class_size=50", "batch_rows=4")


class Wholes(NamedTuple):
    """Folders."""

    arrow: Path
    parquet: Path
    built: Path  # a package that ``trace`` compares with its sources
    release: Path
    sources: Path  # of ``built``
    image: str  # the idx of one in ``built``


def make_wholes(folder: Path) -> Wholes:
    """Make them; check that ``trace`` and ``convert`` work with them."""
    wholes = Wholes(*(folder / name for name in ("arrow", "parquet", "built", "release", "sources")), image="")
    make_package(wholes.arrow, shards=1, per_class=6)
    make_package(wholes.parquet, shards=1, per_class=6, file_format="parquet")
    _make_sources(wholes.sources / "cells")
    settings = [argument for setting in _SMALL for argument in ("--set", setting)]
    _run("build", wholes.sources, "-o", wholes.built, "--workers", "0", *settings)
    shutil.rmtree(f"{wholes.built}.work")
    wholes = wholes._replace(image=pq.read_table(wholes.built / "metadata.parquet")["idx"][0].as_py())
    _run("trace", wholes.built, wholes.image, "--data", wholes.sources)
    rows = [row for name in CLASSES for row in rows_of(name, 6)]
    write_table(wholes.release / "metadata.csv", rows)
    write_images(wholes.release, rows)
    _run("convert", wholes.release, "-o", folder / "converted", "--workers", "0")
    return wholes


def _make_sources(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for label in ("round", "long"):
        (folder / label).mkdir(parents=True)
        for number in range(8):
            pixels = rng.integers(0, 256, (40, 44), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    (folder / "source.toml").write_text(_SOURCE, "utf-8")


def _run(*arguments: str | Path) -> None:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exit_code:
        raise AssertionError(f"{arguments[0]}: {result.output}") from result.exception
