from __future__ import annotations

from pathlib import Path

import pytest

from builder.sources import get_source
from builder.sources.common.folder import Folder
from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv
from tests.sources.sites import write_site

_HEADER = "site_id,well_id,cell_type,experiment,plate,well,site,disease_condition,treatment,treatment_conc,SMILES"
_FIVE = ("nucleus", "er", "actin", "nucleoli", "golgi")
_VIRUS = "Active SARS-CoV-2"
_SITES = (  # cells, plate, well, site, condition, treatment
    ("HRCE", 1, "AA02", 1, _VIRUS, "Chloroquine"),
    ("HRCE", 1, "AA02", 2, _VIRUS, "Chloroquine"),
    ("HRCE", 27, "B03", 1, _VIRUS, "chloroquine"),
    ("HRCE", 27, "B04", 1, _VIRUS, "cis-9,trans-11-Conjugated-linoleic-acid"),
    ("VERO", 2, "C05", 4, "UV Inactivated SARS-CoV-2", "flurbiprofen-(S)-(+)"),
    ("VERO", 2, "C06", 4, "Mock", ""),
    ("HRCE", 1, "AA09", 1, "", ""),
)


def _row(cells: str, plate: int, well: str, site: int, condition: str, treatment: str) -> list[object]:
    well_id = f"{cells}-1_{plate}_{well}"
    smiles = "CCC(CC)COC(=O)C |r,c:1|" if treatment else ""
    return [f"{well_id}_{site}", well_id, cells, f"{cells}-1", plate, well, site, condition, treatment, "1.0", smiles]


class TestRxrx19a(SourceTestCase):
    dir_name = "rec_rxrx19a"
    count = 7
    channel_orders = (_FIVE,)
    tokens = {
        "organism": {"human": 5, "african green monkey": 2},
        "cell_type": {"hrce": 5, "vero": 2},
        "cell_visible": dict.fromkeys(_FIVE, 7),
        "phenotype": {"active sars-cov-2": 4, "uv inactivated sars-cov-2": 1, "mock": 1},
        "compound": {
            "chloroquine": 3,
            "cis-9,trans-11-conjugated-linoleic-acid": 1,
            "flurbiprofen-(s)-(+)": 1,
        },
    }
    rows = {
        "HRCE-1_1_AA02_1": {"compound": "chloroquine", "organism": "human", "group": "HRCE-1_1_AA02"},
        "HRCE-1_1_AA02_2": {"group": "HRCE-1_1_AA02", "well": "AA02", "batch": "HRCE-1"},
        "HRCE-1_27_B03_1": {"compound": "chloroquine", "phenotype": "active sars-cov-2", "channels": _FIVE},
        "VERO-1_2_C05_4": {"organism": "african green monkey", "cell_type": "vero", "compound": "flurbiprofen-(s)-(+)"},
        "VERO-1_2_C06_4": {"compound": None, "phenotype": "mock", "microscopy": "fluorescence"},
        "HRCE-1_1_AA09_1": {"compound": None, "phenotype": None},
    }
    groups = 6
    repeated = (("HRCE-1_1_AA02_1", "HRCE-1_1_AA02_2"),)
    batches = 2
    notes = {"rows without a file": 1}
    unknown_files = {"RxRx19a/images/HRCE-1/Plate1/AA02_s1_w6.png": "files of an unknown channel"}
    missing_files = {"RxRx19a/images/VERO-1/Plate2/C05_s4_w5.png": "images with channels missing"}

    def tree(self, root: Path) -> None:
        for cells, plate, well, site, *_ in _SITES:
            write_site(root / "RxRx19a" / "images", f"{cells}-1/Plate{plate}/{well}_s{site}", "12345")
        rows = [_row(*site) for site in (*_SITES, ("HRCE", 3, "B02", 1, _VIRUS, "Remdesivir (GS-5734)"))]
        write_csv(root / "RxRx19a" / "metadata.csv", _HEADER.split(","), rows)


@pytest.mark.parametrize("without", ["SMILES", "treatment_conc"])
def test_tables_of_before_the_correction(tmp_path: Path, without: str) -> None:
    """Columns that no value comes from may be absent."""
    names = _HEADER.split(",")
    place = names.index(without)
    row = _row(*_SITES[0])
    write_site(tmp_path, "HRCE-1/Plate1/AA02_s1", "12345")
    write_csv(tmp_path / "metadata.csv", names[:place] + names[place + 1 :], [row[:place] + row[place + 1 :]])
    (image,) = get_source("rec_rxrx19a").images(Folder.listed(str(tmp_path)))
    assert (image.compound, image.organism) == ("Chloroquine", "human")
