"""What the two benchmarks of annotation share.

Names of wells and files, the tree of bbbc022, and the whole stage.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from pathlib import Path

from builder.engine.store import Store
from builder.sources import get_source
from builder.sources.common.folder import Folder
from builder.stages.annotate.annotate_source import _write_rows
from builder.vocabulary import normalize

WELLS = [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]


def uuid(rng: random.Random) -> str:
    digits = f"{rng.getrandbits(128):032X}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def listed(root: Path, signatures: Mapping[str, int]) -> Folder:
    """Return a folder of tables and names of further files.

    It holds the tables below ``root`` and, by name only, the files of ``signatures``.
    """
    tables = Folder.listed(str(root)).paths()
    return Folder(str(root), {**dict.fromkeys(tables, 1), **signatures})


def whole_stage(dir_name: str, folder: Folder, scratch: Path) -> int:
    """Run the whole stage; return the number of rows.

    Adapter, vocabulary (with an empty cache), keys, Arrow, Parquet.
    """
    normalize.cache_clear()
    return _write_rows(get_source(dir_name), folder, Store(str(scratch)), simulated=False)


def made_bbbc022(root: Path, scale: float) -> tuple[list[str], Path]:
    """Return names of files, and the table.

    20 plates of 384 wells, 9 sites, 5 channels, a UUID in each file name; 23 columns.
    """
    rng = random.Random(0)
    stains = {"ER": 2, "Hoechst": 1, "Mito": 5, "Ph_golgi": 4, "Syto": 3}
    metadata = "ASSAY_WELL_ROLE BROAD_ID CLSID CPD_MMOL_CONC CPD_PLATE_MAP_NAME CPD_SMILES CPD_WELL_POSITION PlateID"
    header = [
        "ImageNumber",
        *(f"Image_FileName_Orig{stain}" for stain in stains),
        *(
            f"Image_Metadata_{name}"
            for name in (*metadata.split(), "SOURCE_COMPOUND_NAME", "SOURCE_NAME", "Site", "Time")
        ),
        *(f"Image_PathName_Orig{stain}" for stain in stains),
    ]
    files, rows = [], [",".join(header)]
    for plate, well, site in itertools.product(range(20585, 20585 + max(1, round(20 * scale))), WELLS, range(1, 10)):
        names = {stain: f"IXMtest_{well}_s{site}_w{w}{uuid(rng)}.tif" for stain, w in stains.items()}
        files.extend(f"BBBC022_v1_images_{plate}w{stains[stain]}/{name}" for stain, name in names.items())
        facts = ["compound", "BRD-K98763141-001-06-8", "8DA6AF62", "8.858", "H-BIOA-002-1", "OC(=O)c1cccnc1", well]
        rest = [str(plate), f"COMPOUND {rng.randrange(1600)}", "Biomol", str(site), "1267540683767", *[f"{plate}/"] * 5]
        rows.append(",".join([str(len(rows)), *names.values(), *facts, *rest]))
    table = root / "BBBC022_v1_image.csv"
    table.write_text("\n".join(rows) + "\n")
    return files, table
