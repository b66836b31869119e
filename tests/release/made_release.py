"""A made-up release with the published one's known defects.

Its layout is that of the published one.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Example

from builder.draw import key64

HEADER = [
    "label",
    "category",
    "database",
    "name",
    "dir_name",
    "path",
    "filename",
    "idx",
    "organism",
    "cell_type",
    "cell_visible",
    "phenotype",
    "compound",
    "sirna",
    "gene",
    "microscopy",
    "crop",
    "scaling",
    "x_min",
    "x_max",
    "y_min",
    "y_max",
    "dset",
]
CLASSES = {
    # folder: (label, category, dir_name, cells)
    "human": ("human", "organism", "rec_rxrx1", {"organism": "human", "cell_visible": "nucleus|er"}),
    "nucleus": ("nucleus", "cell_visible", "kag_hpa", {"organism": "human", "cell_visible": "nucleus"}),
    "serine-threonine_kinase_inhibitor": (
        "serine/threonine kinase inhibitor",
        "phenotype",
        "bbbc022",
        {"organism": "human", "phenotype": "serine -- threonine kinase inhibitor"},
    ),
    "cis-9_trans-11-acid_(+)": (
        "cis-9,trans-11-acid (+)",
        "compound",
        "rec_rxrx19a",
        {"organism": "human", "compound": "cis-9,trans-11-acid (+)"},
    ),
}
DATABASE = {"rec_rxrx1": "Recursion", "kag_hpa": "Kaggle", "bbbc022": "BBBC", "rec_rxrx19a": "Recursion"}
IMAGES = 40  # of each class, before what is taken away
CROPS = 2  # of a source image


def example(name: str, side: int = 24) -> np.ndarray:
    """Return the pixels of a released example, from its name."""
    return np.random.default_rng(key64("release", name)).integers(0, 256, (side, side), np.uint8)


def rows_of(folder: str, count: int = IMAGES) -> list[dict[str, Any]]:
    """Return the table's rows of a class.

    Two crops of each source image, then, for the last four, whole examples.
    """
    label, category, dir_name, cells = CLASSES[folder]
    rows = []
    for number in range(count):
        whole = number >= count - 4
        image = 1000 + number if whole else number // CROPS
        window = {"crop": "False", "scaling": "1"}
        if not whole:
            x = 12 * (number % CROPS)
            window = {"crop": "True", "scaling": "0.5", "x_min": f"{x}.0", "x_max": f"{x + 12}.0", "y_min": "0.0"}
            window["y_max"] = "12.0"
        rows.append(
            {
                "label": label,
                "category": category,
                "database": DATABASE[dir_name],
                "name": f"name of {dir_name}",
                "dir_name": dir_name,
                "path": f"/cytoimagenet/{folder}",
                "filename": f"{folder}-{number:0{count.bit_length()}b}.png",
                "idx": f"{dir_name}-{image}",
                "microscopy": "fluorescence",
                "dset": "val" if number % 10 == 0 else "train",
                **cells,
                **window,
            }
        )
    return rows


def write_table(path: Path, rows: list[dict[str, Any]], header: list[str] = HEADER) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_images(root: Path, rows: list[dict[str, Any]]) -> None:
    """Write the files of these rows below ``root``.

    Pillow writes them: bytes that this project's encoder would not make.
    """
    for row in rows:
        path = root / row["path"].strip("/").rpartition("/")[2] / row["filename"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Example.fromarray(example(row["filename"])).save(path)
