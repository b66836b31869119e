"""Channels, planes, pages, times and runs.

Which files make an image, and which are images of their own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from builder.sources.base import MAX_PROJECTION, MIDDLE_PLANE
from builder.sources.declared.choice import choose
from tests.sources.declared.reading import declare, files_of, read, touch
from tests.sources.files import write_text

PATTERN = 'pattern = "{plate}/{well}_s{site}[_t{t}][_z{z}]_w{channel}.tif"\n'


def test_channels_in_the_order_of_the_declaration(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, [f"P1/A01_s1_w{channel}.tif" for channel in (1, 2, 3)] + ["P1/B01_s1_w02.tif"])
    declare(root, f'[files]\n{PATTERN}[channels]\n2 = "actin"\n1 = "nucleus"')
    images, notes = read(root)
    assert {key: [(c.path[-5], c.structure) for c in image.channels] for key, image in images.items()} == {
        "P1/A01/field1": [("2", "actin"), ("1", "nucleus")],
        "P1/B01/field1": [("2", "actin")],
    }
    assert images["P1/A01/field1"].cell_visible == "actin|nucleus"
    assert notes == {
        "files of channels that source.toml does not name, left out": 1,
        "images with channels missing": 1,
    }


def test_channels_that_differ_by_plate(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["P1/A01_s1_w1.tif", "P2/A01_s1_w1.tif"])
    declare(root, f'[files]\n{PATTERN}[channels]\n1 = "mitochondria"\n[plate_channels.P2]\n1 = "nucleus"')
    assert {image.batch: image.cell_visible for image in read(root)[0].values()} == {
        "P1": "mitochondria",
        "P2": "nucleus",
    }


def test_transmitted_light_is_an_image_of_its_own(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["P1/A01_s1_w1.tif", "P1/A01_s1_w2.tif"])
    declare(root, f'microscopy = "fluorescence"\n[files]\n{PATTERN}[channels]\n1 = "nucleus"\n2 = "brightfield"')
    images, _ = read(root)
    assert {key: (image.cell_visible, image.microscopy) for key, image in images.items()} == {
        "P1/A01/field1": ("nucleus", None),
        "P1/A01/field1_brightfield": ("cell body", "brightfield"),
    }


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("", {"P1/A01/field1/t1": "P1/A01_s1_t1_z2_w1.tif", "P1/A01/field1/t2": "P1/A01_s1_t2_z2_w1.tif"}),
        ('keep = { z = "first", t = "last" }', {"P1/A01/field1": "P1/A01_s1_t2_z1_w1.tif"}),
        ('keep = { z = 3, t = "first" }', {"P1/A01/field1": "P1/A01_s1_t1_z3_w1.tif"}),
        (
            'keep = { z = "all", t = 2 }',
            {f"P1/A01/field1/z{z}": f"P1/A01_s1_t2_z{z}_w1.tif" for z in (1, 2, 3)},
        ),
    ],
)
def test_planes_and_times(keep: str, expected: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, [f"P1/A01_s1_t{t}_z{z}_w1.tif" for t in (1, 2) for z in (1, 2, 3)])
    declare(root, f"[files]\n{PATTERN}{keep}")
    images, notes = read(root)
    assert {key: files_of(image)[0] for key, image in images.items()} == expected
    assert {image.group for image in images.values()} == {"P1_A01"}
    for key, image in images.items():
        assert (image.timepoint is not None) == ("/t" in key)
        assert (image.z is not None) == ("/z" in key)
    assert notes == {}


@pytest.mark.parametrize(
    ("values", "rule", "expected"),
    [
        (["1", "2", "10"], "middle", "2"),
        (["1", "2", "10"], "last", "10"),
        (["projection", "1", "2", "3"], "middle", "2"),
        (["projection", "1"], "projection", "projection"),
        (["projection"], "middle", "projection"),
        (["1", "2", "3"], "projection", "2"),
        (["01", "02"], 2, "02"),
        (["1", "2"], 3, None),
        ([""], "middle", ""),
    ],
)
def test_choices(values: list[str], rule: str | int, expected: str | None) -> None:
    assert choose(tuple(values), rule) == expected


@pytest.mark.parametrize(("plane", "number"), [("middle", MIDDLE_PLANE), ("max", MAX_PROJECTION), ("first", 0)])
def test_a_plane_of_files_that_are_stacks(plane: str, number: int, tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["P1/A01_s1_w1.tif"])
    declare(root, f'[files]\n{PATTERN}plane = "{plane}"')
    (image,) = read(root)[0].values()
    assert [channel.plane for channel in image.channels] == [number]


def test_pages_that_are_fields_and_channels(tmp_path: Path) -> None:
    root = tmp_path / "s"
    root.mkdir()
    tifffile.imwrite(root / "001002000.flex", np.zeros((6, 8, 8), np.uint16), photometric="minisblack")
    tifffile.imwrite(root / "001003000.flex", np.zeros((5, 8, 8), np.uint16), photometric="minisblack")
    declare(
        root,
        '[files]\nlayout = "opera"\npages = { order = ["field", "channel"] }\n[channels]\ndna = "nucleus"\nrna = "rna"',
    )
    images, notes = read(root)
    assert {key: [(c.plane, c.structure) for c in image.channels] for key, image in images.items()} == {
        f"{well}/field000_p{field}": [(2 * field, "nucleus"), (2 * field + 1, "rna")]
        for well, fields in (("A02", 3), ("A03", 2))
        for field in range(fields)
    }
    assert notes == {"files whose pages are not whole fields": 1}


def test_separate_channels(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["P1/A01_s1_w1.tif", "P1/A01_s1_w2.tif"])
    declare(root, f'separate_channels = true\n[files]\n{PATTERN}[channels]\n1 = "nucleus"\n2 = "actin"')
    assert {key: image.cell_visible for key, image in read(root)[0].items()} == {
        "P1/A01/field1_1": "nucleus",
        "P1/A01/field1_2": "actin",
    }


def test_own_exclusions_and_a_second_copy(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["P1/A01_s1_w1.tif", "copy/P1/A01_s1_w1.tif", "P1/test_A02_s1_w1.tif", "QC/P1/A03_s1_w1.tif"])
    declare(root, f'[files]\n{PATTERN}exclude = ["test_*", "QC/*"]')
    images, notes = read(root)
    assert list(images) == ["P1/A01/field1"]
    assert notes == {
        "second files of one channel of one field, left out": 1,
        "files that files.exclude leaves out": 2,
    }


HARMONY = """<?xml version="1.0"?><EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5">
<Maps><Map><Entry ChannelID="1"><ChannelName>HOECHST 33342</ChannelName></Entry>
<Entry ChannelID="2"><ChannelName>Alexa 488</ChannelName></Entry></Map></Maps></EvaluationInputData>"""


def test_channels_are_named_by_the_index(tmp_path: Path) -> None:
    root = tmp_path / "s"
    place = "P7__2020-11-05T19_51_35-Measurement 1/Images"
    touch(root, [f"{place}/r01c01f01p01-ch{channel}sk1fk1fl1.tiff" for channel in (1, 2)])
    write_text(root / place / "Index.idx.xml", HARMONY)
    declare(root, '[files]\nlayout = "harmony"\n[channels]\n"Alexa 488" = "tubulin"\n"HOECHST 33342" = "nucleus"')
    (image,) = read(root)[0].values()
    assert [(channel.path[-17:-13], channel.structure) for channel in image.channels] == [
        ("ch2s", "tubulin"),
        ("ch1s", "nucleus"),
    ]
    declare(root, '[files]\nlayout = "harmony"')
    (image,) = read(root)[0].values()
    assert [channel.structure for channel in image.channels] == ["HOECHST 33342", "Alexa 488"]


HTD = b'"HTSInfoFile", Version 1.0\r\n"Description", "10 \xb5M"\r\n"NWavelengths", 2\r\n' + (
    b'"WaveName1", "DAPI"\r\n"WaveCollect1", 1\r\n"WaveName2", "Cy5 long \xb5"\r\n"EndFile"\r\n'
)  # no UTF-8, as the instrument writes it


def test_channels_of_metaxpress_are_named_by_the_htd(tmp_path: Path) -> None:
    root = tmp_path / "s"
    for plate in ("9987", "9988"):
        touch(root, [f"n_Plate_{plate}/TimePoint_1/{plate}_B02_s1_w{channel}.TIF" for channel in (1, 2)])
    for place in ("n_Plate_9987", "n_Plate_9987/TimePoint_1"):  # in every folder of the plate
        (root / place / "9987.HTD").write_bytes(HTD)
    (root / "n_Plate_9988/9988.HTD").write_bytes(HTD.replace(b"DAPI", b"FITC"))
    declare(root, '[files]\nlayout = "imagexpress_export"')
    shows = {image.batch: [channel.structure for channel in image.channels] for image in read(root)[0].values()}
    assert shows == {"9987": ["DAPI", "Cy5 long µ"], "9988": ["FITC", "Cy5 long µ"]}  # each plate by its own
    declare(root, '[files]\nlayout = "imagexpress_export"\n[channels]\n"Cy5 long µ" = "tubulin"\nDAPI = "nucleus"')
    images, notes = read(root)
    assert {image.batch: image.cell_visible for image in images.values()} == {
        "9987": "tubulin|nucleus",
        "9988": "tubulin",
    }
    assert notes == {
        "files of channels that source.toml does not name, left out": 1,
        "images with channels missing": 1,
    }


MES = """\ufeff<?xml version="1.0" encoding="utf-8"?>
<bts:MeasurementSetting xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0" bts:Version="1.0">
<bts:ChannelList><bts:Channel bts:Ch="1" bts:Target="Hoechst" bts:Acquisition="BP445-45"/>
<bts:Channel bts:Ch="2" bts:Target="Phalloidin"/><bts:Channel bts:Ch="3" bts:Target=""/></bts:ChannelList>
</bts:MeasurementSetting>"""


def test_channels_of_cellvoyager_are_named_by_the_mes(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, [f"P7_D08_T0001F001L01A0{action}Z01C0{channel}.tif" for action, channel in ((1, 1), (2, 2), (3, 3))])
    write_text(root / "P7.mes", MES)
    declare(root, '[files]\nlayout = "cellvoyager"')
    (image,) = read(root)[0].values()
    assert [channel.structure for channel in image.channels] == ["Hoechst", "Phalloidin", "a3c3"]
    write_text(root / "P7.mes", MES.replace("</bts:MeasurementSetting>", ""))
    (image,), notes = read(root)[0].values(), read(root)[1]
    assert len(image.channels) == 3
    assert notes == {"index files that cannot be read": 1}


def test_wells_that_are_running_numbers(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["P1_2.tif", "P1_0.tif"])
    declare(root, '[files]\npattern = "{plate}_{wellnumber}.tif"\nplate_columns = 12\ncount_wells = "columns"')
    images, notes = read(root)
    assert [image.well for image in images.values()] == ["B01"]
    assert notes == {"files whose well cannot be read": 1}
