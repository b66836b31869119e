from __future__ import annotations

from pathlib import Path

from builder.sources.base import MIDDLE_PLANE
from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import IdrTestCase, write_dv

_F1B = "20190924-ftp/Figure 1B"
_F5B = "20190904-ftp/Figure 5/5B - eGFP-h2NLS-L-TM Nup49-mCherry"
_F5C = "20190904-ftp/Figure 5/5C - Late anaphase II EM model"
_STEM = "1B_010618_Hsp104Htb1_Meiosis_01_47"
_REFERENCE = {"cell_visible": "cell body", "microscopy": "brightfield"}


class TestIdr0067(IdrTestCase):
    dir_name = "idr0067"
    count = 6
    channel_orders = (
        ("hsp104 + nucleus",),
        ("nuclear membrane + nup49",),
        ("spo20 + nup49",),
        ("protein",),
        ("brightfield",),
    )
    tokens = {
        "organism": {"yeast": 6},
        "cell_type": {"sk1": 6},
        "cell_visible": {
            **{"hsp104": 2, "nucleus": 2, "cell body": 1},
            **{"nuclear membrane": 1, "nup49": 2, "spo20": 1},
        },
    }
    rows = {
        f"{_STEM}_R3D.dv": {
            "cell_visible": "hsp104|nucleus",
            "microscopy": "fluorescence",
            "group": _STEM,
            "planes": (MIDDLE_PLANE,),
            "batch": "1B_010618_Hsp104Htb1_Meiosis_01",
            "single_object": False,
            "gene": None,
        },
        f"{_STEM}_R3D_D3D.dv": {"cell_visible": "hsp104|nucleus", "group": _STEM},
        f"{_STEM}_R3D_REF.dv": {"group": _STEM, "channels": ("brightfield",), **_REFERENCE},
        "12932_t5_02_R3D.dv": {"cell_visible": "nuclear membrane|nup49"},
        "12342_lowC_t07_R3D.dv": {"cell_visible": "spo20|nup49"},
        "unlisted_R3D.dv": {"cell_visible": None, "organism": "yeast", "channels": ("protein",)},
    }
    groups = 4
    repeated = ((f"{_STEM}_R3D.dv", f"{_STEM}_R3D_D3D.dv", f"{_STEM}_R3D_REF.dv"),)
    batches = 4
    notes = {
        "electron micrographs and projections, left out": 2,
        "files without a row": 1,
        "rows without a file": 1,
    }
    unknown_files = {
        f"{_F5C}/A3.tif": "electron micrographs and projections, left out",
        f"copy/{_F1B}/{_STEM}_R3D.dv": "second copies of a file, left out",
    }
    missing_files = {f"{_F1B}/{_STEM}_R3D.dv": "rows without a file"}
    joined = {
        f"{_F1B}/{_STEM}_R3D_D3D.dv": {"cell_visible": "hsp104|nucleus", "group": _STEM},
        f"{_F1B}/{_STEM}_R3D.dv": {"cell_visible": "hsp104|nucleus", "microscopy": "fluorescence"},
        f"{_F1B}/{_STEM}_R3D_REF.dv": _REFERENCE,
        f"{_F1B}/1B_12052017_Hsp104Htb1meiosis01_06_R3D_D3D.dv": {"cell_visible": "hsp104|nucleus"},
        f"{_F5B}/12932_t5_02_R3D.dv": {"cell_visible": "nuclear membrane|nup49"},
        "20190904-ftp/Figure 5 - Supplement 1/A/171207_Heh13xGFPMovies01_17_R3D.dv": {"cell_visible": "heh1|nucleus"},
        "20190904-ftp/Figure 6/6B/12436_highC_t7_04_R3D_REF.dv": _REFERENCE,
        "20190904-ftp/Figure 6 - Supplement 2/170707_Spo20andDon1Movies01_22_R3D_REF.dv": _REFERENCE,
        "20190904-ftp/Figure 8/8C/12342_lowC_t07_eth_04_R3D_REF.dv": _REFERENCE,
        "20190904-ftp/Figure 9 - Supplement 2/9S2_12302107_Nup49Nsr1plusminusSpo21_02_R3D_REF.dv": _REFERENCE,
    }

    def tree(self, root: Path) -> None:
        for kind in ("R3D", "R3D_D3D", "R3D_REF"):
            write_dv(root / _F1B / f"{_STEM}_{kind}.dv", 1 if kind == "R3D_REF" else 6)
        write_tiff(root / _F1B / f"1B_MAX_{_STEM}_zproj_R3D_D3D.tif")
        write_dv(root / _F5B / "12932_t5_02_R3D.dv", 6)
        write_tiff(root / _F5C / "A2_S6_0003.tif")
        write_dv(root / "20190904-ftp/Figure 8/8C/12342_lowC_t07_R3D.dv", 6)
        write_dv(root / "20190904-ftp/Figure 8/8C/unlisted_R3D.dv", 6)
        header = ["Dataset Name", "Image Name", "Experimental Condition [Imaging Type]", "Comment [Protein] 1"]
        header += ["Comment [Construct/Marker] 1", "Comment [Protein] 2", "Comment [Genetic Background]"]
        live = "Live cell imaging"
        rows = [
            ("Figure 1B", f"{_STEM}_{kind}.dv", live, "Hsp104", "", "Htb1", "flo8Δ")
            for kind in ("R3D", "R3D_D3D", "R3D_REF")
        ]
        rows += [
            ("Figure 5B", "12932_t5_02_R3D.dv", live, "", "eGFP-h2NLS-L-TM", "Nup49", ""),
            ("Figure 5C", "A2_S6_0003.tif", "Electron microscopy", "Nup170", "", "", ""),
            ("Figure 8C", "12342_lowC_t07_R3D.dv", live, "", "yeGFP-Spo20(51-91)", "Nup49", ""),
            ("Figure 8C", "12342_lowC_t08_R3D.dv", live, "", "yeGFP-Spo20(51-91)", "Nup49", ""),  # no file
        ]
        write_csv(root / "idr0067-experimentA-annotation.csv", header, rows, newline="\r\n")
