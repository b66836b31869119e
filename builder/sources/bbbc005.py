"""BBBC005, synthetic cells (SIMCEP): one record per file.

Each stain is a record of its own, as the original kept them. The ground-truth archive unpacks into two folders whose
masks bear the very names of images; the original's table listed only those 2,400 masks and no image. Here they are told
apart by their folder.

Specimen: a simulated scene. A plate column holds scenes of one cell count and a row one blur; sample ``s07`` of a
column is the same scene in each of its 16 rows, blurred more or less (of 25 pairs compared, F1 with F23, all correlate
at 0.997 or more). So the group is column and sample, with all blurs and both stains. Wells are those of the simulated
plate. The blur is no focal plane, so ``z`` is empty; there is no batch.

Open question: whether the released data set still holds masks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder

_NAME = re.compile(r"(?:SIMCEPImages_)?([A-P]\d\d)_C(\d+)_F(\d+)_s(\d+)_w([12])\.tiff?$", re.IGNORECASE)
_STAIN = {"1": "cell body", "2": "nucleus"}


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per TIFF, without masks.

    Masks lie in folders named ``…ground_truth…``.
    """
    for path, _, match in named_files(
        folder, _NAME, "SIMCEPImages_A14_C57_F1_s21_w1.TIF", ".tif", ".tiff", place=anywhere
    ):
        well, cells, blur, sample, stain = match.groups()
        shows = _STAIN[stain]
        yield Image(
            key=f"{well}_C{cells}_F{blur}_s{sample}_w{stain}",
            channels=(Channel(path, shows),),
            group=f"column {well[1:]} sample {sample}",
            cell_visible=shows,
            well=well.upper(),
        )


SOURCE = Source(
    dir_name="bbbc005",
    database="BBBC",
    name="Synthetic cells",
    accession="BBBC005",
    url=page("BBBC005"),
    downloads=(download("BBBC005", "BBBC005_v1_images.zip", 1_800_000_000),),
    license=licenses.CC0,
    citation=(
        f"{COLLECTION} (image set BBBC005); "
        "Lehmussola et al., IEEE Transactions on Medical Imaging 2007, doi:10.1109/TMI.2007.896925 (simulator)"
    ),
    formats=("8-bit TIFF, 696 x 520",),
    images=images,
    specimen="a simulated scene",
    repeats="each scene at 16 blurs, in two stains",
    batch_unit="not stated",
    constants={"organism": "human", "cell_type": "u2os", "microscopy": "fluorescence"},
    expected_images=19_200,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 2},
)
