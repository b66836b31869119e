"""Made-up folders, as people have them, for `new`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from tests.sources.files import write_text

SIDE = 90


def pixels(rng: np.random.Generator, bright: bool = False) -> npt.NDArray[np.uint16]:
    return rng.integers(100, 4000 if bright else 2000, (SIDE, SIDE), np.uint16)


def class_folders(root: Path, images: int = 8) -> None:
    """One folder a class, images of any name."""
    rng = np.random.default_rng(1)
    for name in ("mitosis", "interphase", "apoptosis"):
        (root / name).mkdir(parents=True)
        for number in range(images):
            Image.fromarray((pixels(rng) >> 4).astype(np.uint8)).save(root / name / f"cell_{number:03d}.png")


def imagexpress(root: Path) -> None:
    """Write a MetaXpress export and its plate map.

    The export has thumbnails and its .HTD; semicolons divide the plate map.
    """
    rng = np.random.default_rng(2)
    folder = root / "Screen1_Plate_77/TimePoint_1"
    folder.mkdir(parents=True)
    for row in "BCD":
        for column in (2, 3, 4):
            for site in (1, 2):
                for wave in (1, 2):
                    name = f"9987_{row}{column:02d}_s{site}_w{wave}"
                    tifffile.imwrite(folder / f"{name}.TIF", pixels(rng))
                    (folder / f"{name}_thumb.TIF").touch()
    htd = '"HTSInfoFile", Version 1.0\r\n"NWavelengths", 2\r\n"WaveName1", "DAPI"\r\n"WaveName2", "Phalloidin"\r\n'
    write_text(root / "Screen1_Plate_77/9987.HTD", htd)
    drugs = {"B": "DMSO", "C": "Taxol", "D": "Nocodazole"}
    rows = [f"9987;{row}{column};{drugs[row]};{column / 4}" for row in "BCD" for column in (2, 3, 4)]
    text = "Plate;Well;Compound;Concentration (uM)\n" + "\n".join(rows).replace(".", ",") + "\n"
    write_text(root / "plate map.csv", text)


def ome_tiff_plate(root: Path) -> None:
    """Write files of two channels that OME-XML names.

    The plate map is drawn as a grid.
    """
    rng = np.random.default_rng(3)
    folder = root / "P7"
    folder.mkdir(parents=True)
    for row in "AB":
        for column in (1, 2, 3):
            for field in (1, 2):
                data = np.stack([pixels(rng), pixels(rng, True)])
                tifffile.imwrite(
                    folder / f"{row}{column}_f{field}.ome.tif",
                    data,
                    photometric="minisblack",
                    metadata={
                        "axes": "CYX",
                        "Channel": {"Name": ["Hoechst 33342", "Tubulin"]},
                        "PhysicalSizeX": 0.65,
                        "PhysicalSizeXUnit": "µm",
                    },
                )
    write_text(root / "layout.csv", "gene,1,2,3\nA,PLK1,PLK1,KIF11\nB,scrambled,KIF11,scrambled\n")


def list_of_paths(root: Path) -> None:
    """Write a CSV of labels and another machine's paths."""
    rng = np.random.default_rng(4)
    lines = []
    (root / "scans").mkdir(parents=True)
    for number in range(12):
        tifffile.imwrite(root / f"scans/img{number}.tif", pixels(rng))
        lines.append(f"D:\\Microscope\\scans\\img{number}.tif,{('healthy', 'infected')[number % 2]},donor{number % 3}")
    write_text(root / "labels.csv", "image,diagnosis,donor\n" + "\n".join(lines) + "\n")


CASES = {
    "classes": class_folders,
    "imagexpress": imagexpress,
    "ome": ome_tiff_plate,
    "listed": list_of_paths,
}
