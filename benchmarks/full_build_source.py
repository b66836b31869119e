"""The made-up sources of ``full_build.py``.

Many small boxes in a few large images of noise.

Ten sources share the rows. Six images of one well have the same annotations, so wells hold images of several classes,
as real ones do. No two boxes of a source are the same, so no two examples are.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from builder.sources.base import Channel, Image, Region, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder

FACTS = "CYTOIMAGENET_FULL_BUILD"
"""Environment variable: JSON with ``rows`` (of all sources), ``classes`` and ``box``."""
SOURCES = 10
SIDE = 2048  # pixels of an example of noise
_STEP = 3  # between boxes
_WELL = 6  # images

_FEW = {
    "organism": ("human", "mouse", "rat", "nematode"),
    "cell_type": ("u2os", "huvec", "rpe", "hepg2", "a549", "hela", "mcf-7", "cho"),
    "cell_visible": ("nucleus", "actin", "mitochondria", "endoplasmic reticulum", "tubulin", "golgi apparatus"),
}
_RARITY = (1.0, 0.13, 1.0, 1.0, 0.22, 1.0)
_MANY = (("compound", 0.6), ("gene", 0.25), ("sirna", 0.1), ("phenotype", 0.05))  # shares of the classes


def dir_names() -> list[str]:
    """Return the sources' names, which start with a database's name."""
    return [f"bbbc9{number:02d}" for number in range(SOURCES)]


def facts() -> dict[str, Any]:
    """Return what ``full_build.py`` put into the environment."""
    found: dict[str, Any] = json.loads(os.environ[FACTS])
    return found


def write_images(data: Path) -> None:
    """Write each source's image of noise: 16 bit, uncompressed.

    Also writes the file that marks the data as simulated.
    """
    import tifffile

    from builder.stages.annotate.discover import SIMULATED_MARK

    data.mkdir(parents=True)
    (data / SIMULATED_MARK).write_text("Noise, by benchmarks/full_build.py.\n", "utf-8")
    for number, dir_name in enumerate(dir_names()):
        (data / dir_name).mkdir()
        noise = np.random.default_rng(number).normal(800, 150, (SIDE, SIDE)).clip(0, 4095).astype(np.uint16)
        tifffile.imwrite(data / dir_name / "noise.tif", noise)


def _tokens(classes: int) -> list[tuple[str, str, float]]:
    """Return (category, token, weight) of the many smaller classes.

    The few large ones come beside them.

    A third of the tokens is rarer, so that their classes are small enough to want two or four crops an image.
    """
    found = []
    tail = max(4, classes - sum(map(len, _FEW.values())))
    for category, share in _MANY:
        for number in range(max(1, round(share * tail))):
            found.append((category, f"{category} no. {number}", _RARITY[number % len(_RARITY)]))
    return found


def _images(number: int, folder: Folder) -> Iterator[Image]:
    made = facts()
    rows, box = made["rows"] // SOURCES, made["box"]
    tokens = _tokens(made["classes"])
    weights = np.array([weight for _, _, weight in tokens])
    wells = -(-rows // _WELL)
    draw = np.random.default_rng([1, number])
    many = draw.choice(len(tokens), wells, p=weights / weights.sum()).tolist()
    few = {name: draw.integers(0, len(values), wells).tolist() for name, values in _FEW.items()}
    across = (SIDE - box) // _STEP
    assert rows <= across * across, "boxes would come twice"
    for n in range(rows):
        well = n // _WELL
        y, x = (_STEP * place for place in divmod(n, across))
        category, token, _ = tokens[many[well]]
        yield Image(
            key=f"{well}-{n % _WELL}",
            channels=(Channel("noise.tif", "nucleus"),),
            group=f"well {well}",
            region=Region(x, x + box, y, y + box),
            **{name: values[few[name][well]] for name, values in _FEW.items()},
            **{category: token},
        )


def source(number: int) -> Source:
    """Return one of the sources."""
    return Source(
        dir_name=dir_names()[number],
        database="BBBC",
        name=f"Noise {number}",
        accession=f"noise {number}",
        url="https://example.org",
        downloads=(),
        license=licenses.SIMULATED,
        citation="made up",
        formats=("16-bit TIFF",),
        images=functools.partial(_images, number),
        constants={"microscopy": "fluorescence"},
        simulated=True,
    )
