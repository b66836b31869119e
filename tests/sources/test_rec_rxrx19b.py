from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv
from tests.sources.sites import SIX, write_site

_HEADER = "site_id,well_id,cell_type,experiment,plate,well,site,disease_condition,treatment,treatment_conc,SMILES"
_WELLS = (
    ("1", "AA02", "storm-severe", "Diphenylpyraline"),
    ("1", "AA03", "storm-severe", "INK 128"),
    ("53", "Z47", "healthy", ""),
    ("53", "Z48", "", "taurine"),
)


class TestRxrx19b(SourceTestCase):
    dir_name = "rec_rxrx19b"
    count = 4
    channel_orders = (SIX,)
    tokens = {
        "organism": {"human": 4},
        "cell_type": {"huvec": 4},
        "cell_visible": {**dict.fromkeys(SIX, 4), "golgi": 3},
        "phenotype": {"storm-severe": 2, "healthy": 1},
        "compound": {"diphenylpyraline": 1, "ink 128": 1, "taurine": 1},
    }
    rows = {
        "HUVEC-1_1_AA02_1": {"compound": "diphenylpyraline", "phenotype": "storm-severe", "group": "HUVEC-1_1_AA02"},
        "HUVEC-1_1_AA03_1": {"compound": "ink 128", "channels": SIX[:5], "cell_type": "huvec"},
        "HUVEC-1_53_Z47_1": {"compound": None, "phenotype": "healthy", "organism": "human"},
        "HUVEC-1_53_Z48_1": {"compound": "taurine", "phenotype": None, "microscopy": "fluorescence"},
    }
    groups = 4
    repeated = ()
    batches = 1
    notes = {"images with channels missing": 1}
    unknown_files = {"rxrx19b/images/HUVEC-1/Plate2/AA02_s1_w1.png": "files without a row"}
    missing_files = {"rxrx19b/images/HUVEC-1/Plate1/AA02_s1_w1.png": "images with channels missing"}

    def tree(self, root: Path) -> None:
        rows = []
        for plate, well, condition, treatment in _WELLS:
            write_site(
                root / "rxrx19b" / "images", f"HUVEC-1/Plate{plate}/{well}_s1", "123456"[: 5 if well == "AA03" else 6]
            )
            well_id = f"HUVEC-1_{plate}_{well}"
            rows.append(
                [f"{well_id}_1", well_id, "HUVEC", "HUVEC-1", plate, well, 1, condition, treatment, "0.1", "C,C"]
            )
        write_csv(root / "rxrx19b" / "metadata.csv", _HEADER.split(","), rows)
