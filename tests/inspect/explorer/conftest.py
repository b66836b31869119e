"""A made-up package and its explorer, not to be changed.

They are written once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builder.inspect.explorer.write import Wanted, write_explorer
from tests.package.made import make_package

CLASSES = {
    "organism": ("human", "yeast"),
    "compound": ("0", "a/b? 100 %", "dmso, 'x' -- <b>", "β-estradiol"),
    "gene": ("</script><script>alert(1)</script>", "tp53 targeted"),
}
PER_CLASS, SAMPLES = 20, 12


def blobs(rng: np.random.Generator, split: str, n: int, side: int) -> np.ndarray[Any, Any]:
    """Return smooth noise whose coarseness changes with n.

    No two look alike.
    """
    coarse = rng.integers(0, 256, (6 + 4 * (n % 3), 6 + 4 * (n % 3)), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((side + n % 3, side), Image.Resampling.BICUBIC)
    return np.asarray(smooth)


@pytest.fixture(scope="session")
def shown_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a package of eight classes with various names."""
    folder = tmp_path_factory.mktemp("shown") / "cytoimagenet"
    make_package(folder, classes=CLASSES, per_class=PER_CLASS, side=48, draw=blobs, simulated=True)
    return folder


@pytest.fixture(scope="session")
def explored(shown_package: Path) -> Path:
    """The folder of its explorer."""
    out = shown_package.with_name("report")
    write_explorer(str(shown_package), out, Wanted(samples=SAMPLES))
    return out


def data(folder: Path, name: str) -> Any:
    """Read a data file as the page does."""
    text = (folder / "data" / f"{name}.js").read_text("ascii")
    assert text.startswith(f'explorerData("{name}",')
    assert text.endswith(");\n")
    return json.loads(text[len(f'explorerData("{name}",') : -3])
