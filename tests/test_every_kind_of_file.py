"""A build of a folder with every kind of file.

What can be read is in the package; what cannot has its reason.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from builder.stages.annotate.annotate_source import image_number
from tests.building import cytoimagenet, read_shards
from tests.pixels.every_row import every_row
from tests.pixels.table import Row

pytestmark = pytest.mark.slow

ROWS = [row for row in every_row() if row.plane == 0 and not row.oriented]
_OF_THE_PIXELS = {"uniform", "binary_mask", "dim", "duplicate"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a source whose files are the table's.

    Its layout is that of BBBC005, whatever the files are called.
    """
    folder = tmp_path_factory.mktemp("every_kind")
    images = folder / "data/bbbc005/BBBC005_v1_images"
    images.mkdir(parents=True)
    for number, row in enumerate(ROWS):
        (images / f"SIMCEPImages_A01_C{number}_F1_s01_w1.TIF").write_bytes(row.make())
    settings = ("--set", "min_images=2", "--set", "min_class_size=2", "--set", "class_size=5000")
    cytoimagenet("build", folder / "data", "-o", folder / "cytoimagenet", *settings, "--workers", "2")
    return folder / "cytoimagenet"


@pytest.fixture(scope="module")
def outcomes(package: Path) -> dict[str, Any]:
    """Return the example's pixels, or the reason, of each image."""
    found: dict[str, Any] = {}
    for row in pq.read_table(package / "rejects.parquet").to_pylist():
        found[row["idx"]] = (row["reason"], row["detail"])
    for row in read_shards(package, "data/*/*.arrow").to_pylist():
        found[row["idx"]] = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
    return found


def expected(row: Row) -> np.ndarray:
    """Standardise by the words of the method's section 3.

    Each channel between its percentiles, their average in 8 bits.
    """
    scaled = []
    for channel in row.channels if row.channels is not None else (row.pixels,):
        values = channel.astype(np.float64)
        grey = values[..., :3].mean(axis=2) if values.ndim == 3 else values
        low, high = np.percentile(grey[np.isfinite(grey)], [0.1, 99.9])
        if high > low:
            scaled.append((np.clip(np.where(np.isfinite(grey), grey, low), low, high) - low) / (high - low))
    return np.rint(np.mean(scaled, axis=0) * 255)


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[row.name for row in ROWS])
def test_each_file_is_an_example_or_a_reject(outcomes: dict[str, Any], number: int) -> None:
    row = ROWS[number]
    found = outcomes[f"bbbc005-{image_number(f'A01_C{number}_F1_s01_w1')}"]
    if row.refused is not None:
        assert not isinstance(found, np.ndarray)
        assert found[0] in ("unreadable", "too_large")
        assert found[1]
    elif isinstance(found, np.ndarray):
        wanted = expected(row)
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).mean() <= (8 if row.tolerance else 0.01)
    else:
        assert found[0] in _OF_THE_PIXELS, found


def test_hundreds_of_files_are_in_the_package(outcomes: dict[str, Any]) -> None:
    assert len(outcomes) == len(ROWS)
    assert sum(isinstance(found, np.ndarray) for found in outcomes.values()) > 100
