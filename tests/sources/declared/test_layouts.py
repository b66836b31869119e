"""Every built-in layout in miniature.

The files of one or two fields, and the image that each becomes.

Names follow public descriptions of the instruments' exports; expected images are written down by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from builder.sources.declared.layouts import layouts
from builder.sources.declared.names import Names
from tests.sources.declared.reading import declare, files_of, read, touch

GUID = "9B34CF69-877E-4617-A171-C7BD42ED5EE7"


class Case(NamedTuple):
    """A folder and its images.

    (group, batch, well) -> lists of files; what is left out is no image.
    """

    files: list[str]
    images: dict[str, list[str]]  # group -> files of all its images, in order
    declared: str = ""
    notes: dict[str, int] | None = None


def ix(path: str, channel: int, guid: str = GUID) -> str:
    return f"{path}_w{channel}{guid}.tif"


CASES = {
    "imagexpress": Case(
        # the plane of a database copy without ZStep is the projection; w2 and a GUID that begins with a digit
        [
            "S/2023-02-21/1334/P_E07_s1_w1A" + GUID[1:] + ".tif",
            "S/2023-02-21/1334/P_E07_s1_w29B34CF69-877E-4617-A171-C7BD42ED5EE7.tif",
            *(f"S/2023-02-21/1334/ZStep_{z}/P_E07_s1_w1{z}{GUID[1:]}.tif" for z in (1, 2, 3)),
            "S/2023-02-21/1334/P_E07_s1_w2_thumb0077161C-E5C1-4A29-A5CC-1BDCB37A6922.tif",
            "S/2023-02-21/1334/P_E08_s22129693C3-877E-4617-A171-C7BD42ED5EE7.tif",
            "S/2023-02-21/1334/old_C16_w1_[9AA4D9EA-18E4-4354-8C7D-0202029A8048].tif",
        ],
        {
            "P_E07": [
                f"S/2023-02-21/1334/ZStep_2/P_E07_s1_w12{GUID[1:]}.tif",
                "S/2023-02-21/1334/P_E07_s1_w29B34CF69-877E-4617-A171-C7BD42ED5EE7.tif",
            ],
            "P_E08": ["S/2023-02-21/1334/P_E08_s22129693C3-877E-4617-A171-C7BD42ED5EE7.tif"],
            "old_C16": ["S/2023-02-21/1334/old_C16_w1_[9AA4D9EA-18E4-4354-8C7D-0202029A8048].tif"],
        },
        notes={"thumbnails, left out": 1},
    ),
    "imagexpress_export": Case(
        [
            *(f"n_Plate_34/TimePoint_1/ZStep_{z}/9987_B02_s1_w1.TIF" for z in range(4)),
            "n_Plate_34/TimePoint_1/ZStep_1/9987_B02_s1_w1_thumb.TIF",
            "n_Plate_34/TimePoint_1/9987_B03.TIF",
            "n_Plate_34/9987.HTD",
        ],
        {
            "9987_B02": ["n_Plate_34/TimePoint_1/ZStep_2/9987_B02_s1_w1.TIF"],  # 0 is the projection
            "9987_B03": ["n_Plate_34/TimePoint_1/9987_B03.TIF"],
        },
        notes={"thumbnails, left out": 1},
    ),
    "incarta": Case(
        ["P7/t1_D04_s1_w1_z1.tif", "P7/t1_D04_s1_w1_z2.tif", "P7/t1_D04_s1_w1_z3.tif", "P7/t1_D04_s1_w2_z2.tif"],
        {"P7_D04": ["P7/t1_D04_s1_w1_z2.tif", "P7/t1_D04_s1_w2_z2.tif"]},
    ),
    "harmony": Case(
        [
            "P7__2020-11-05T19_51_35-Measurement 1/Images/r01c01f01p01-ch1sk1fk1fl1.tiff",
            "P7__2020-11-05T19_51_35-Measurement 1/Images/r01c01f01p01-ch2sk1fk1fl1.tiff",
            "P7__2020-12-01T10_00_00-Measurement 2/Images/r01c01f01p01-ch1sk1fk1fl1.tiff",
            "other plate/Images/r16c24f12p01-ch1sk1fk1fl1.tiff",
        ],
        {  # the last measurement of P7 is taken, whole
            "P7_A01": ["P7__2020-12-01T10_00_00-Measurement 2/Images/r01c01f01p01-ch1sk1fk1fl1.tiff"],
            "other plate_P24": ["other plate/Images/r16c24f12p01-ch1sk1fk1fl1.tiff"],
        },
    ),
    "operetta": Case(["P7/016024-12-003001002.tif"], {"P7_P24": ["P7/016024-12-003001002.tif"]}),
    "opera": Case(["P7/001001000.flex", "P7/0010010001.flex"], {"P7_A01": ["P7/001001000.flex"]},
                  notes={"files without a known name": 1}),
    "cellvoyager": Case(
        [
            "x/Plate #7_D08_T0001F001L01A01Z01C01.tif",
            "x/Plate #7_D08_T0001F001L01A02Z01C01.tif",  # the same channel by another action
            "x/SC_BP445-45_20x v2_M01_CH01.tif",
            "x/DC_sCMOS #1_CAM1.tif",
            "x/Plate #7_D08_T0001F001L01A01ZC01.tif",
        ],
        {"Plate #7_D08": ["x/Plate #7_D08_T0001F001L01A01Z01C01.tif", "x/Plate #7_D08_T0001F001L01A02Z01C01.tif"]},
        notes={"files of the instrument that are no images, left out": 3},
    ),
    "cq1": Case(
        [
            "P7/Image/W0262F0001T0001Z000C2.tif",
            "P7/Image/W0262F0001T0001Z001C2.tif",
            "P7/Image/W0262F0001T0001Z002C2.tif",
            "P7/Projection/W0262F0001T0001Z000C2.tif",
        ],
        {"P7_K22": ["P7/Image/W0262F0001T0001Z001C2.tif"]},  # 262 of 384: ten rows of 24, and 22
    ),
    "incell": Case(
        [
            "P7/A - 01(fld 1 wv DAPI - DAPI).tif",
            "P7/A - 01(fld 1 wv TL - Bright field - open).tif",
            "P7/C - 6(fld 2 wv DAPI - DAPI).tif",
        ],
        {
            "P7_A01": ["P7/A - 01(fld 1 wv DAPI - DAPI).tif", "P7/A - 01(fld 1 wv TL - Bright field - open).tif"],
            "P7_C06": ["P7/C - 6(fld 2 wv DAPI - DAPI).tif"],
        },
    ),
    "incell72": Case(
        ["P7/A_01_f2_c1_xUV_mDAPI_z3_t2.tif", "P7/A_01_f2_c3_xRed_mCy5_z3_t2.tif"],
        {"P7_A01": ["P7/A_01_f2_c1_xUV_mDAPI_z3_t2.tif", "P7/A_01_f2_c3_xRed_mCy5_z3_t2.tif"]},
    ),
    "scanr": Case(
        [
            "R/data/B2--W00014--P00001--Z00000--T00000--DAPI.tif",
            "R/data/B2--W00014--P00001--Z00000--T00000--405 nm #1.tif",
            "R/data/B2--W00014--P00001--Z00000--T00000--Autofocus.tif",
            "R/data/--W00026--P00001--Z00000--T00000--DAPI.tif",
        ],
        {
            "R_B02": [
                "R/data/B2--W00014--P00001--Z00000--T00000--405 nm #1.tif",
                "R/data/B2--W00014--P00001--Z00000--T00000--DAPI.tif",
            ],
            "R_C02": ["R/data/--W00026--P00001--Z00000--T00000--DAPI.tif"],  # 26 of 96: two rows of 12, and 2
        },
        declared="plate_columns = 12",
        notes={"files of the instrument that are no images, left out": 1},
    ),
    "cellomics": Case(
        [
            "AS_0428_O14f01d0.TIF", "AS_0428_O14f01d2.TIF", "AS_0428_O14f01o1.TIF", "scan_M_p0_z0_1_H12f10d3.tif",
        ],
        {"AS_0428_O14": ["AS_0428_O14f01d0.TIF", "AS_0428_O14f01d2.TIF"]},
        notes={"files of the instrument that are no images, left out": 2},
    ),
    "cellomics_kinetic": Case(
        ["runi3t001A01f01d0.TIF", "runi3t001A01f01d2.TIF", "runi3t002A01f01d0.TIF"],
        {"run_A01": ["runi3t001A01f01d0.TIF", "runi3t001A01f01d2.TIF", "runi3t002A01f01d0.TIF"]},  # two times
    ),
    "mitocheck": Case(
        ["LT1/exp--siA--dmso--W0002--P001--T00000--Z000--C01.tif",
         "LT1/exp--siA--dmso--W0026--P001--T00000--Z000--C01.tif"],
        {"LT1_A02": ["LT1/exp--siA--dmso--W0002--P001--T00000--Z000--C01.tif"],
         "LT1_B02": ["LT1/exp--siA--dmso--W0026--P001--T00000--Z000--C01.tif"]},
    ),
    "nis_jobs": Case(
        ["P7/20201115_184113_906__WellA2_ChannelDAPI_Seq0003.tif", "P7/WellB3_Point1_0000_ChannelGFP_Seq0000.tif"],
        {"P7_A02": ["P7/20201115_184113_906__WellA2_ChannelDAPI_Seq0003.tif"],
         "P7_B03": ["P7/WellB3_Point1_0000_ChannelGFP_Seq0000.tif"]},
    ),
    "evos": Case(
        ["scan_R_p2_z1_0_B03f01d0.tif", "scan_R_p2_z1_0_B03f01d1.tif", "scan_M_p2_z1_0_B03f01d0.tif"],
        {"scan_B03": ["scan_R_p2_z1_0_B03f01d0.tif", "scan_R_p2_z1_0_B03f01d1.tif"]},
        notes={"files of the instrument that are no images, left out": 1},
    ),
    "gen5": Case(
        ["d_Plate 1/A1_01_1_1_DAPI_001.tif", "d_Plate 1/A1_01_2_1_Bright Field_001.tif",
         "d_Plate 1/A10_02_1_1_DAPI_001.tif"],
        {
            "d_Plate 1_A01": ["d_Plate 1/A1_01_2_1_Bright Field_001.tif", "d_Plate 1/A1_01_1_1_DAPI_001.tif"],
            "d_Plate 1_A10": ["d_Plate 1/A10_02_1_1_DAPI_001.tif"],
        },
    ),
    "incucyte": Case(
        ["Mia-Phase_A2_1_00d06h40m.tif", "Mia-Phase_A2_1_03d06h40m.tif"],
        {"Mia-Phase_A02": ["Mia-Phase_A2_1_00d06h40m.tif", "Mia-Phase_A2_1_03d06h40m.tif"]},  # two times, two images
    ),
    "incucyte_archive": Case(
        ["EssenFiles/ScanData/2505/16/1130/100/A1-1-Ph.tif", "EssenFiles/ScanData/2505/16/1330/100/A1-1-Ph.tif",
         "EssenFiles/ScanData/2505/16/1130/Diag.zip"],
        {"100_A01": ["EssenFiles/ScanData/2505/16/1130/100/A1-1-Ph.tif",
                     "EssenFiles/ScanData/2505/16/1330/100/A1-1-Ph.tif"]},
    ),
    "leica_matrix": Case(
        [
            f"P7/slide--S00/chamber--U00--V01/field--X00--Y0{y}/image--L00--S00--U00--V01--J20--E00--O00--X00--Y0{y}"
            f"--T00--Z00--C0{c}.ome.tif"
            for y in (0, 1) for c in (0, 1)
        ],
        {"P7_A02": [
            f"P7/slide--S00/chamber--U00--V01/field--X00--Y0{y}/image--L00--S00--U00--V01--J20--E00--O00--X00--Y0{y}"
            f"--T00--Z00--C0{c}.ome.tif"
            for y in (0, 1) for c in (0, 1)
        ]},
    ),
    "lasx": Case(
        ["Slide7/Series002_z00_ch00.tif", "Slide7/Series002_z01_ch00.tif", "Slide7/Series002_z01_ch01.tif"],
        {"Slide7_Series002": ["Slide7/Series002_z01_ch00.tif", "Slide7/Series002_z01_ch01.tif"]},
    ),
    "nis_tiff": Case(
        ["seq0xy01c1.tif", "seq0xy01c2.tif"], {"seq0": ["seq0xy01c1.tif", "seq0xy01c2.tif"]}
    ),
    "zen_tiles": Case(["s 7_S00001_T00002_C00001.tiff"], {"s 7_00001": ["s 7_S00001_T00002_C00001.tiff"]}),
    "micromanager": Case(
        ["R/1-Pos_000_001/img_000000000_DAPI_000.tif", "R/1-Pos_000_001/img_000000000__000.tif",
         "R/1-Pos_000_001/metadata.txt"],
        {"R_1-Pos_000_001": ["R/1-Pos_000_001/img_000000000__000.tif", "R/1-Pos_000_001/img_000000000_DAPI_000.tif"]},
    ),
    "micromanager2": Case(
        ["R/img_channel000_position000_time000000000_z000.tif", "R/img_channel001_position000_time000000000_z000.tif"],
        {"R": ["R/img_channel000_position000_time000000000_z000.tif",
                "R/img_channel001_position000_time000000000_z000.tif"]},
    ),
    "pathway": Case(
        ["2009_0/Well A01/Hoechst - n000000.tif", "2009_0/Well A01/GFP - n000000.tif", "2009_0/Well A01/GFP.ffc"],
        {"2009_0_A01": ["2009_0/Well A01/GFP - n000000.tif", "2009_0/Well A01/Hoechst - n000000.tif"]},
    ),
    "acquifer": Case(
        ["P7/-A002--PO01--LO001--CO6--SL001--PX3--PW0--X02--Y01--Z21--T02--WE00002.tif"],
        {"P7_A02": ["P7/-A002--PO01--LO001--CO6--SL001--PX3--PW0--X02--Y01--Z21--T02--WE00002.tif"]},
    ),
    "araceli": Case(
        [f"P7/A1_s1_w1_z-m_20241121T095306Z_{GUID.lower()}.tiff",
         f"P7/A1_s1_w1_z-m_20241121T095306Z_{GUID.lower()}_thumbnail.tiff"],
        {"P7_A01": [f"P7/A1_s1_w1_z-m_20241121T095306Z_{GUID.lower()}.tiff"]},
        notes={"thumbnails, left out": 1},
    ),
    "cell_painting_gallery": Case(
        ["cpg/images/2020_B/images/BR7__2020-11-05T19_51_35-Measurement1/Images/r01c01f01p01-ch5sk1fk1fl1.tiff",
         "cpg/images/2020_B/illum/BR00116991/BR00116991_IllumAGP.npy"],
        {"BR7_A01": [
            "cpg/images/2020_B/images/BR7__2020-11-05T19_51_35-Measurement1/Images/r01c01f01p01-ch5sk1fk1fl1.tiff"
        ]},
    ),
    "cell_painting_gallery_ix": Case(
        ["cpg/images/CDRPBIO/images/24277/cdp2_a01_s1_w1.tif", "cpg/images/CDRPBIO/images/24277/cdp2_a01_s1_w2.tif"],
        {"24277_A01": ["cpg/images/CDRPBIO/images/24277/cdp2_a01_s1_w1.tif",
                       "cpg/images/CDRPBIO/images/24277/cdp2_a01_s1_w2.tif"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_in_miniature(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    root = tmp_path / "screen"
    touch(root, case.files)
    declare(root, f'[files]\nlayout = "{name}"\n{case.declared}')
    images, notes = read(root)
    found: dict[str, list[str]] = {}
    for image in images.values():
        found.setdefault(image.group, []).extend(files_of(image))
        if image.well is not None:
            assert image.group.endswith(image.well)
    assert found == case.images
    assert notes == (case.notes or {})


def test_every_layout_is_here() -> None:
    assert CASES.keys() == layouts().keys() - {"ome_zarr_plate"}  # no empty files: see test_ome_zarr


@pytest.mark.parametrize("name", layouts())
def test_examples_match_at_any_depth(name: str) -> None:
    layout = layouts()[name]
    assert layout.title
    for example in layout.examples:
        names = Names(layout)
        assert names.match(example) is not None
        assert names.match(f"some/where else/{example}") == names.match(example)
        assert names.match(f"{example}.bak") is None
        assert re.compile(layout.regex).groups == len(names.groups), "a group without a name says nothing"


def test_no_layout_takes_what_is_no_image() -> None:
    for name, layout in layouts().items():
        for path in ("Thumbs.db", "Images/Index.idx.xml", "P/metadata.txt", "plate_MFGTMP.mdb", "notes.txt"):
            assert Names(layout).match(path) is None, name
