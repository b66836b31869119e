"""Undeclared channels take their names from the files' OME-XML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tifffile

from builder.sources.base import Image
from builder.sources.common.folder import Folder
from builder.sources.declared import own_metadata
from builder.sources.declared.own_metadata import Metadata, read_metadata
from tests.sources.declared.reading import declare, read, touch

PATTERN = '[files]\npattern = "{plate}/{well}_s{site}.ome.tif"\n'


def write(path: Path, names: Sequence[str], axes: str = "CYX", planes: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = tuple({"C": len(names), "Z": planes, "Y": 8, "X": 9}[axis] for axis in axes)
    metadata = {"axes": axes, "Channel": {"Name": list(names)} if len(names) > 1 else {"Name": names[0]}}
    tifffile.imwrite(path, np.zeros(shape, np.uint8), photometric="minisblack", ome=True, metadata=metadata)


def shown(images: dict[str, Image]) -> dict[str, list[tuple[str, int]]]:
    return {key: [(channel.structure, channel.plane) for channel in image.channels] for key, image in images.items()}


def test_channels_of_one_file_by_their_own_names(tmp_path: Path) -> None:
    root = tmp_path / "s"
    write(root / "P1/A01_s1.ome.tif", ["DAPI", "Phalloidin"])
    write(root / "P2/A01_s1.ome.tif", ["Tubulin", "DAPI"])
    declare(root, PATTERN)
    images, notes = read(root)
    assert shown(images) == {
        "P1/A01/field1": [("DAPI", 0), ("Phalloidin", 1)],
        "P2/A01/field1": [("Tubulin", 0), ("DAPI", 1)],
    }
    assert notes == {}
    assert {image.cell_visible for image in images.values()} == {None}  # a dye's name is no structure


def test_a_declaration_may_call_channels_as_the_file_does(tmp_path: Path) -> None:
    root = tmp_path / "s"
    write(root / "P1/A01_s1.ome.tif", ["DAPI", "Blank", "Phalloidin"])
    declare(root, f'{PATTERN}[channels]\nphalloidin = "actin"\nDAPI = "nucleus"')
    images, notes = read(root)
    assert shown(images) == {"P1/A01/field1": [("actin", 2), ("nucleus", 0)]}
    assert images["P1/A01/field1"].cell_visible == "actin|nucleus"
    assert notes == {"files of channels that source.toml does not name, left out": 1}


def test_planes_beside_channels(tmp_path: Path) -> None:
    root = tmp_path / "s"
    write(root / "P1/A01_s1.ome.tif", ["DAPI", "Phalloidin"], "CZYX", 3)
    write(root / "P2/A01_s1.ome.tif", ["DAPI", "Phalloidin"], "ZCYX", 3)
    declare(root, PATTERN)
    assert shown(read(root)[0]) == {
        "P1/A01/field1": [("DAPI", 1), ("Phalloidin", 4)],
        "P2/A01/field1": [("DAPI", 2), ("Phalloidin", 3)],
    }


def test_a_file_a_channel(tmp_path: Path) -> None:
    root = tmp_path / "s"
    for key, name in (("1", "DAPI"), ("2", "Phalloidin"), ("3", "")):
        write(root / f"P1/A01_w{key}.tif", [name])
    declare(root, '[files]\npattern = "{plate}/{well}_w{channel}.tif"')
    assert shown(read(root)[0]) == {"P1/A01": [("DAPI", 0), ("Phalloidin", 0), ("3", 0)]}


def test_a_file_of_a_set_knows_its_channel(tmp_path: Path) -> None:
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYZCT" Type="uint8" SizeX="9" SizeY="8" SizeZ="1" SizeC="2" SizeT="1">'
        '<Channel ID="c0" Name="DAPI"/><Channel ID="c1" Name="Phalloidin"/>'
        '<TiffData FirstC="0"><UUID FileName="A01_w1.ome.tif">urn:uuid:1</UUID></TiffData>'
        '<TiffData FirstC="1"><UUID FileName="A01_w2.ome.tif">urn:uuid:2</UUID></TiffData></Pixels></Image></OME>'
    )
    for channel in (1, 2):
        path = tmp_path / f"s/P1/A01_w{channel}.ome.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.zeros((8, 9), np.uint8), description=xml, metadata=None)
    declare(tmp_path / "s", '[files]\npattern = "{plate}/{well}_w{channel}.ome.tif"')
    assert shown(read(tmp_path / "s")[0]) == {"P1/A01": [("DAPI", 0), ("Phalloidin", 0)]}


def test_class_folders_of_one_channel(tmp_path: Path) -> None:
    root = tmp_path / "s"
    write(root / "taxol/a.ome.tif", ["Tubulin"], "YX")
    declare(root, '[files]\nclass_folders = "compound"')
    assert shown(read(root)[0]) == {"taxol/a.ome.tif": [("Tubulin", 0)]}


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ("", ["P1/A01_s1.ome.tif", "P2/A01_s1.ome.tif"]),
        ('metadata = "file"\n', ["P1/A01_s1.ome.tif", "P1/A01_s2.ome.tif", "P2/A01_s1.ome.tif"]),
        ('pages = {order = ["channel"]}\n[channels]\n1 = "nucleus"\n2 = "actin"', []),
        ('[channels]\n"*" = "nucleus"', []),
    ],
)
def test_one_file_a_folder_is_asked_and_none_where_channels_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, asked: list[str]
) -> None:
    root, found = tmp_path / "s", []
    touch(root, ["P1/A01_s1.ome.tif", "P1/A01_s2.ome.tif", "P2/A01_s1.ome.tif"])
    declare(root, PATTERN + more)
    monkeypatch.setattr(own_metadata, "read_metadata", lambda folder, path: found.append(path) or Metadata())
    assert len(read(root)[0]) == 3
    assert found == asked


def test_files_a_channel_are_not_asked_where_channels_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "s", ["P1/A01_w1.tif", "P1/A01_w2.tif"])
    declare(
        tmp_path / "s", '[files]\npattern = "{plate}/{well}_w{channel}.tif"\n[channels]\n1 = "nucleus"\n2 = "actin"'
    )
    monkeypatch.setattr(own_metadata, "read_metadata", None)
    assert len(read(tmp_path / "s")[0]) == 1


def test_pixels_are_not_read(tmp_path: Path) -> None:
    write(tmp_path / "a.ome.tif", ["DAPI", "Phalloidin"])
    with (tmp_path / "big.ome.tif").open("wb") as file:
        metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "Phalloidin"]}}
        tifffile.imwrite(file, shape=(2, 4096, 4096), dtype=np.uint16, ome=True, metadata=metadata)
    folder = Folder.listed(str(tmp_path))
    folder.store.read_bytes = None  # type: ignore[method-assign, assignment]
    for name in ("a.ome.tif", "big.ome.tif"):
        assert read_metadata(folder, name).channels == ("DAPI", "Phalloidin")


@pytest.mark.parametrize("content", [b"", b"II*\0", b"II*\0\xff\xff\xff\x7f", b"\x89PNG"])
def test_what_is_no_tiff_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    assert read_metadata(Folder.listed(str(tmp_path)), "a.tif") == Metadata()
