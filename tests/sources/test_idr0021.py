from __future__ import annotations

from pathlib import Path

from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import IdrTestCase, write_dv

_ROOT = "Raw-files"
_TWO = ("centrosome",) * 2
_THREE = ("centrosome",) * 3
_SAME = "siCTRL_PCNT_NEDD1_20100507_Fri-1643_0_SIR_PRJ.dv"
_TIFF = "ALX_NEDD1_PCNT_20100521_Fri-1101_0_SIR_PRJ_615_525_xx.tif"
_ON = {"cell_visible": "centrosome", "phenotype": "protein localized to centrosome"}


class TestIdr0021(IdrTestCase):
    dir_name = "idr0021"
    count = 6
    channel_orders = (_TWO, _THREE, ("centrosome",))
    tokens = {
        "organism": {"human": 6},
        "cell_type": {"hela": 6},
        "cell_visible": {"centrosome": 6},
        "phenotype": {"protein localized to centrosome": 5},
    }
    rows = {
        "CDK5RAP2-C/Centrin_001_SIR_PRJ.dv": {
            "planes": (0, 1, 2),
            "channels": _THREE,
            "group": "Centrin_001_SIR_PRJ.dv",
            "microscopy": "super resolution",
            "gene": None,
            "pixel_size_um": 0.0395,
            "batch": "Centrin_20110506",
            "single_object": True,
        },
        # one of eight that are TIFF: its channels are merged in one page
        f"NEDD1-C1/{_TIFF}": {"planes": (0,), "channels": ("centrosome",), "phenotype": _ON["phenotype"]},
        # one image in two data sets: two rows of one group
        f"PCNT-N1/{_SAME}": {"planes": (0, 1), "group": _SAME},
        f"NEDD1-C1/{_SAME}": {"planes": (0, 1), "group": _SAME},
        "CEP120/20111106/Cep120_gtub_008_SIR_PRJ.dv": {"phenotype": "protein localized to centrosome"},
        "CEP152/unlisted_SIR_PRJ.dv": {"phenotype": None, "planes": (0, 1), "cell_visible": "centrosome"},  # no row
    }
    groups = 5
    repeated = ((f"PCNT-N1/{_SAME}", f"NEDD1-C1/{_SAME}"),)
    batches = 5
    single_objects = 6
    notes = {"files without a row": 1, "rows without a file": 2}
    unknown_files = {
        f"{_ROOT}/RPE1/Cep152_gtub_002_SIR_PRJ.dv": "files in no known data set",
        f"{_ROOT}/CEP152/copy/unlisted_SIR_PRJ.dv": "second copies of a file, left out",
    }
    missing_files = {f"{_ROOT}/CEP120/20111106/Cep120_gtub_008_SIR_PRJ.dv": "rows without a file"}
    joined = {
        f"{_ROOT}/CDK5RAP2-C/a/Centrin_PCNT_Cep215_20110506_Fri-1545_0_SIR_PRJ.dv": {"planes": (0, 1, 2), **_ON},
        f"{_ROOT}/CDK5RAP2-C/b/siControl_N20_Cep215_I_20110411_Mon-1349_0_SIR_PRJ.dv": {"planes": (0, 1), **_ON},
        f"{_ROOT}/CEP120/20111106/Cep120_gtub_008_SIR_PRJ.dv": {"planes": (0, 1), **_ON},
        f"{_ROOT}/CEP152/a/Cep152_gtub_002_SIR_PRJ.dv": {"planes": (0, 1), **_ON},
        f"{_ROOT}/CEP192-M/a/Centrin_Sas6_Cep192_003_SIR_PRJ.dv": {"planes": (0, 1, 2), **_ON},
        f"{_ROOT}/CPAP/a/Centrin_Cpap_PCNTN20_012_SIR_PRJ.dv": {"planes": (0, 1, 2), **_ON},
        f"{_ROOT}/NEDD1-C1/a/20110909/NEDD1141_NEDD1ab_I_025_SIR_PRJ.dv": {"planes": (0, 1), **_ON},
        f"{_ROOT}/NEDD1-C1/a/siCTRL_PCNT_NEDD1_20100507_Fri-1725_0_SIR_PRJ.dv": {"planes": (0, 1), **_ON},
        f"{_ROOT}/PCNT-N1/a/{_SAME}": {"planes": (0, 1), "group": _SAME, **_ON},
        f"{_ROOT}/NEDD1-C1/NEDD1ab_PCNTab_20100521_tifs/{_TIFF}": {"planes": (0,), **_ON},
        f"{_ROOT}/TUBG1-N/a/PCNT_gtub_I_007_SIR_PRJ.dv": {"planes": (0, 1), **_ON},
    }

    def tree(self, root: Path) -> None:
        write_dv(root / _ROOT / "CDK5RAP2-C/Centrin_20110506/Centrin_001_SIR_PRJ.dv", 3)
        for folder in ("PCNT-N1/PCNTab_NEDD1ab_20100507", "NEDD1-C1/PCNTab_NEDD1ab_20100507"):
            write_dv(root / _ROOT / folder / _SAME, 2)
        write_dv(root / _ROOT / "CEP120/20111106/Cep120_gtub_008_SIR_PRJ.dv", 2)
        write_dv(root / _ROOT / "CEP152/Cep152_gTub_20111105/unlisted_SIR_PRJ.dv", 2)
        write_tiff(root / _ROOT / "NEDD1-C1/NEDD1ab_PCNTab_20100521_tifs" / _TIFF, (8, 9, 3), "uint8")
        place = "protein localized to centrosome"
        write_csv(
            root / "idr0021-experimentA-annotation.csv",
            ["Dataset Name", "Image Name", "Channels", "Phenotype 1"],
            [
                ("CDK5RAP2-C", "Centrin_001_SIR_PRJ.dv", "442:CENT2; 525:PCNT; 615:CDK5RAP2-C", place),
                ("PCNT-N1", _SAME, "525:PCNT-N1; 615:NEDD1-C1", place),
                ("NEDD1-C1 ", _SAME, "525:PCNT-N1; 615:NEDD1-C1", place),
                ("NEDD1-C1", _TIFF, "525:PCNT-N1; 615:NEDD1-C1", place),
                ("CEP120/20111106", "Cep120_gtub_008_SIR_PRJ.dv", "525:CEP120; 615:TUBG1-N", place),
                ("CEP120/20111209", "Cep120_gtub_008_SIR_PRJ.dv", "525:CEP120; 615:TUBG1-N", place),  # no file
                ("CEP152", "Cep152_gtub_002_SIR_PRJ.dv", "525:CEP152; 615:TUBG1-N", place),  # no file
            ],
        )
