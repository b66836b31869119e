"""Simulated sources in the folder layouts of real ones.

The four sources can be read by their ordinary adapters.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image as PillowImage

from builder.demo.cells import ORGANELLES, Plane, Traits, camera, field, stained, window
from builder.draw import key64
from builder.stages.annotate.discover import SIMULATED_MARK

_SITE = 160  # pixels
_REACH = 50  # pixels around the centre of a blood cell beyond which it absorbs nothing

_CELL_TYPES = {
    "HUVEC": Traits(nucleus=7, elongation=1.5, cells=12),
    "RPE": Traits(nucleus=8, elongation=1.1, cells=10, spots=20),
    "HEPG2": Traits(nucleus=5, elongation=1.1, spread=1.8, cells=30),
    "U2OS": Traits(nucleus=9, elongation=1.2, spread=2.6, cells=7, fibres=0.25),
}
_SIRNAS = {"EMPTY": 1.0, "s14729": 0.6, "s8645": 1.5, "s501309": 2.2}  # nucleus size over the untreated cells'
_COMPOUNDS = {
    "": Traits(),
    "calyculin A": Traits(nucleus=4.5, spread=1.4, cells=10, elongation=1.0),
    "NIFLUMIC ACID": Traits(nucleus=10, spread=2.4, cells=6),
    "taxol": Traits(nucleus=8, elongation=2.4, fibres=0.35, cells=10),
}
_PHASES = {"interphase": Traits(nucleus=22, elongation=1.1), "mitosis": Traits(nucleus=16, elongation=3.2)}
_BLOOD = {"red blood cell": 0.0, "trophozoite": 0.9, "ring": 0.4, "schizont": 1.6}  # absorbance of the parasite


def simulate(folder: Path, seed: int = 0, on_image: Callable[[int], object] = lambda count: None) -> None:
    """Write the four sources and mark them as simulated.

    A source has its name once it is whole, so that the next call after an interruption makes just the others.

    Parameters
    ----------
    on_image : called after each image, or with the images of a source that is there; ``IMAGES`` in all
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SIMULATED_MARK).write_text(
        "Every image below this folder is simulated, by `cytoimagenet demo`.\n", "utf-8"
    )
    for name, (write, below, images) in _SOURCES.items():
        if (folder / name).exists():
            on_image(images)
            continue
        making = folder / f".making-{name}"  # hidden: no source for who looks meanwhile
        shutil.rmtree(making, ignore_errors=True)
        write(making / below, seed, on_image)
        making.rename(folder / name)


def _rng(*name: str | int) -> np.random.Generator:
    return np.random.default_rng(key64("demo", *name))


def _wells(rows: str, columns: int) -> Iterator[str]:
    for row in rows:
        for column in range(2, 2 + columns):
            yield f"{row}{column:02d}"


def _sites(root: Path, seed: int, on_image: Callable[[int], object]) -> None:
    """RxRx1: sites of six 8-bit PNG channels and one CSV."""
    rows: list[list[object]] = []
    for cell_type, traits in _CELL_TYPES.items():
        plate = root / "images" / f"{cell_type}-01" / "Plate1"
        plate.mkdir(parents=True)
        for number, well in enumerate(_wells("BCDE", 6)):
            sirna = list(_SIRNAS)[number % len(_SIRNAS)]
            shaped = traits._replace(nucleus=traits.nucleus * _SIRNAS[sirna] ** 0.5, spots=round(12 * _SIRNAS[sirna]))
            for site in (1, 2):
                rng = _rng(seed, cell_type, well, site)
                planes = field(rng, _SITE, _SITE, shaped)
                for channel, shows in enumerate(ORGANELLES, start=1):
                    counts = camera(rng, planes[shows], photons=60, offset=3, gain=1.2, top=255)
                    PillowImage.fromarray(counts.astype(np.uint8)).save(
                        plate / f"{well}_s{site}_w{channel}.png", compress_level=1
                    )
                well_id = f"{cell_type}-01_1_{well}"
                kind = "negative_control" if sirna == "EMPTY" else "positive_control"
                facts = [f"{well_id}_{site}", well_id, cell_type, "train", f"{cell_type}-01", 1, well, site]
                on_image(1)
                rows.append([*facts, kind, sirna, 1138 if sirna == "EMPTY" else 1107 + list(_SIRNAS).index(sirna)])
    header = "site_id,well_id,cell_type,dataset,experiment,plate,well,site,well_type,sirna,sirna_id"
    _write_csv(root / "metadata.csv", header, rows)


def _cell_painting(root: Path, seed: int, on_image: Callable[[int], object]) -> None:
    """Write BBBC022: 16-bit TIFF channels, joined by a CSV.

    Its five channels have one folder per plate and channel, and one UUID per file.
    """
    stains = {"Hoechst": "nucleus", "ER": "er", "Syto": "nucleoli", "Ph_golgi": "actin", "Mito": "mitochondria"}
    columns = ("ER", "Hoechst", "Mito", "Ph_golgi", "Syto")
    rows: list[list[object]] = []
    for plate in (20585, 20586):
        for number, well in enumerate(_wells("ABCD", 8)):
            compound = list(_COMPOUNDS)[number % len(_COMPOUNDS)]
            for site in (1, 2):
                rng = _rng(seed, plate, well, site)
                planes = field(rng, _SITE, _SITE, _COMPOUNDS[compound])
                names = {}
                for channel, (stain, shows) in enumerate(stains.items(), start=1):
                    unique = str(uuid.UUID(int=key64(seed, plate, well, site, stain) << 64 | key64(stain, well)))
                    names[stain] = f"IXMtest_{well}_s{site}_w{channel}{unique.upper()}.tif"
                    path = root / f"BBBC022_v1_images_{plate}w{channel}" / names[stain]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    counts = camera(rng, planes[shows], photons=400, offset=110, gain=2.0, top=4095)
                    tifffile.imwrite(path, counts.astype(np.uint16))
                on_image(1)
                role = "compound" if compound else "mock"
                rows.append([len(rows) + 1, *(names[c] for c in columns), role, compound, plate, site, well])
    names_columns = ",".join(f"Image_FileName_Orig{column}" for column in columns)
    facts_columns = ["ASSAY_WELL_ROLE", "SOURCE_COMPOUND_NAME", "PlateID", "Site", "CPD_WELL_POSITION"]
    header = f"ImageNumber,{names_columns}," + ",".join(f"Image_Metadata_{column}" for column in facts_columns)
    _write_csv(root / "BBBC022_v1_image.csv", header, rows)


def _worm_cells(root: Path, seed: int, on_image: Callable[[int], object]) -> None:
    """Write Cell Cycle Experiments: RGB JPEGs, one folder per class.

    They are brightfield images.
    """
    for phase, traits in _PHASES.items():
        (root / phase).mkdir(parents=True)
        for number in range(60):
            rng = _rng(seed, phase, number)
            planes = field(rng, _SITE, _SITE, traits._replace(cells=3))
            image = stained(rng, 0.9 * planes["nucleus"] + 0.25 * planes["er"], (0.5, 1.0, 0.4))
            path = root / phase / f"IMG_{1600 + number // 3}-{number % 3 + 1 + 3 * (phase == 'mitosis')}.jpg"
            PillowImage.fromarray(image).save(path, quality=92)
            on_image(1)


def _blood_smears(root: Path, seed: int, on_image: Callable[[int], object]) -> None:
    """BBBC041: RGB smears with boxes in a JSON."""
    (root / "images").mkdir(parents=True)
    lists: dict[str, list[object]] = {"training.json": [], "test.json": []}
    for number in range(10):
        rng = _rng(seed, "smear", number)
        smear, objects = _smear(rng, 480, 640)
        name = f"{uuid.UUID(int=key64(seed, 'smear', number) << 64 | number)}.png"
        PillowImage.fromarray(smear).save(root / "images" / name, compress_level=1)
        checksum = hashlib.md5((root / "images" / name).read_bytes(), usedforsecurity=False).hexdigest()
        shape = {"r": 480, "c": 640, "channels": 3}
        image = {"checksum": checksum, "pathname": f"/images/{name}", "shape": shape}
        on_image(1)
        lists["training.json" if number < 8 else "test.json"].append({"image": image, "objects": objects})
    for name, entries in lists.items():
        (root / name).write_text(json.dumps(entries), "utf-8")


_SOURCES = {  # what writes it, the folder that its archive unpacks to, and its images
    "rec_rxrx1": (_sites, "rxrx1", 192),
    "bbbc022": (_cell_painting, "", 128),
    "kag_cell_cycle": (_worm_cells, "nematode cells/nematode cells", 120),
    "bbbc041": (_blood_smears, "malaria", 10),
}
IMAGES = sum(images for _, _, images in _SOURCES.values())


def _smear(rng: np.random.Generator, height: int, width: int) -> tuple[npt.NDArray[np.uint8], list[object]]:
    dye: Plane = np.zeros((height, width))
    objects: list[object] = []
    for row in range(40, height - 40, 80):
        for column in range(40, width - 40, 80):
            kind = list(_BLOOD)[int(rng.integers(len(_BLOOD)))]
            cy, cx, radius = row + rng.uniform(-6, 6), column + rng.uniform(-6, 6), rng.uniform(24, 30)
            rows, columns, y, x = window(dye.shape, cy, cx, _REACH)
            dye[rows, columns] += 0.5 / (1 + np.exp((np.hypot(y - cy, x - cx) - radius) / 1.5))
            near = np.hypot(y - cy - radius * 0.3, x - cx + radius * 0.2)
            ring = np.abs(near - 6) if kind == "ring" else near
            dye[rows, columns] += _BLOOD[kind] * np.exp(-((ring / (2.0 if kind == "ring" else 6.0)) ** 2))
            low, high = {"r": int(cy - 36), "c": int(cx - 36)}, {"r": int(cy + 36), "c": int(cx + 36)}
            objects.append({"bounding_box": {"minimum": low, "maximum": high}, "category": kind})
    return stained(rng, dye, (0.35, 0.9, 0.5)), objects


def _write_csv(path: Path, header: str, rows: list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
