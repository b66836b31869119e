"""OME-Zarr images in declared sources.

Which there are; their channels, planes, times and wells.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from builder.engine.trees import ArrayKey
from builder.sources.base import Image
from builder.sources.common.folder import Folder
from builder.sources.common.ome_zarr import UNKNOWN, ome_images
from builder.sources.proposed.propose import propose
from tests.sources.declared.reading import declare, read, touch
from tests.sources.ome_zarr_files import stack, write_group, write_image, write_plate, zipped

NAMES = '[files]\npattern = "{name}.zarr"\n'
VERSIONS = ("0.4", "0.5")


def planes(image: Image) -> list[tuple[str, str, int]]:
    """Return array, what it shows and plane of each channel."""
    return [(ArrayKey.parse(c.path).path, c.structure, c.plane) for c in image.channels]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_image_has_the_channels_that_it_names_and_its_middle_plane(tmp_path: Path, version: str) -> None:
    write_image(tmp_path / "a.zarr", stack((1, 2, 5, 8, 10)), version=version, labels=["DAPI", "Tubulin"])
    declare(tmp_path, NAMES + '[channels]\nTubulin = "microtubule"\nDAPI = "nucleus"\n')
    images, notes = read(tmp_path)
    assert notes == {}
    [(key, image)] = images.items()
    assert key == "namea"
    assert planes(image) == [("a.zarr/0", "microtubule", 5 + 2), ("a.zarr/0", "nucleus", 2)]
    assert image.pixel_size_um == 0.65


def test_channels_without_declared_stains_show_what_the_file_calls_them(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", stack((2, 8, 10)), "cyx", labels=["DAPI", ""])
    declare(tmp_path, NAMES)
    [image] = read(tmp_path)[0].values()
    assert [channel.structure for channel in image.channels] == ["DAPI", "2"]


def test_channels_without_names_are_known_by_their_numbers(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", stack((3, 8, 10)), "cyx")
    declare(tmp_path, NAMES + '[channels]\n1 = "nucleus"\n3 = "actin"\n')
    images, notes = read(tmp_path)
    assert [planes(image) for image in images.values()] == [[("a.zarr/0", "nucleus", 0), ("a.zarr/0", "actin", 2)]]
    assert notes == {"files of channels that source.toml does not name, left out": 1}


def test_a_projection_is_one_key_from_the_first_plane_of_its_channel(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", stack((2, 4, 8, 10)), "czyx")
    declare(tmp_path, NAMES + 'plane = "max"\n')
    [image] = read(tmp_path)[0].values()
    assert [channel.plane for channel in image.channels] == [0, 4]
    assert {ArrayKey.parse(channel.path).project for channel in image.channels} == {4}


def test_times_are_images_of_one_specimen(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", stack((3, 2, 1, 8, 10)))
    declare(tmp_path, NAMES)
    images, _ = read(tmp_path)
    assert {key: (image.timepoint, [c.plane for c in image.channels]) for key, image in images.items()} == {
        "namea_t0": ("0", [0, 1]),
        "namea_t1": ("1", [2, 3]),
        "namea_t2": ("2", [4, 5]),
    }
    assert len({image.group for image in images.values()}) == 1
    declare(tmp_path, NAMES + '[files.keep]\nt = "last"\n')
    assert [[c.plane for c in image.channels] for image in read(tmp_path)[0].values()] == [[4, 5]]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plate_has_the_wells_and_fields_that_it_names(tmp_path: Path, version: str) -> None:
    write_plate(tmp_path / "P7.ome.zarr", {"B/03": 2, "C/11": 1}, version, ["DAPI", "Actin"])
    write_image(
        tmp_path / "P7.ome.zarr/B/03/9", stack((1, 8, 8)), "cyx", version
    )  # no field: the well does not name it
    (tmp_path / "map.csv").write_text("plate,well,drug\nP7,B3,taxol\nP7,C11,dmso\n")
    declare(
        tmp_path,
        '[files]\nlayout = "ome_zarr_plate"\n[[tables]]\nfile = "map.csv"\n[columns]\ncompound = "drug"\n',
    )
    images, notes = read(tmp_path)
    assert notes == {}
    assert [(i.well, i.group, i.batch, i.compound, planes(i)[1]) for i in images.values()] == [
        ("B03", "P7_B03", "P7", "taxol", ("P7.ome.zarr/B/03/0/0", "Actin", 1)),
        ("B03", "P7_B03", "P7", "taxol", ("P7.ome.zarr/B/03/1/0", "Actin", 1)),
        ("C11", "P7_C11", "P7", "dmso", ("P7.ome.zarr/C/11/0/0", "Actin", 1)),
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("ending", [".ozx", ".zarr.zip"])
def test_archives_are_images_and_plates_too(tmp_path: Path, version: str, ending: str) -> None:
    write_image(tmp_path / "a.zarr", stack((2, 8, 10)), "cyx", version, ["DAPI", "Actin"])
    zipped(tmp_path / "a.zarr", tmp_path / f"a{ending}")
    declare(tmp_path, f'[files]\npattern = "{{name}}{ending}"\n')
    [image] = read(tmp_path)[0].values()
    assert planes(image) == [(f"a{ending}/0", "DAPI", 0), (f"a{ending}/0", "Actin", 1)]
    (tmp_path / f"a{ending}").unlink()
    write_plate(tmp_path / "P.zarr", {"A/1": 1, "A/2": 1}, version)
    zipped(tmp_path / "P.zarr", tmp_path / f"P{ending}")
    declare(tmp_path, '[files]\nlayout = "ome_zarr_plate"\n')
    assert [(image.batch, image.well) for image in read(tmp_path)[0].values()] == [("P", "A01"), ("P", "A02")]


def test_class_folders_take_stores_beside_files(tmp_path: Path) -> None:
    write_image(tmp_path / "mitosis/a.zarr", stack((1, 8, 10)), "cyx")
    write_plate(tmp_path / "apoptosis/P.zarr", {"A/1": 2})
    touch(tmp_path, ["mitosis/b.tif"])
    declare(tmp_path, '[files]\nclass_folders = "phenotype"\n')
    images, _ = read(tmp_path)
    assert {key: image.phenotype for key, image in images.items()} == {
        "apoptosis/P.zarr/A/1/0": "apoptosis",
        "apoptosis/P.zarr/A/1/1": "apoptosis",
        "mitosis/a.zarr": "mitosis",
        "mitosis/b.tif": "mitosis",
    }


def test_a_list_names_stores_like_files(tmp_path: Path) -> None:
    write_image(tmp_path / "scans/a.zarr", stack((1, 8, 10)), "cyx")
    (tmp_path / "list.csv").write_text("file_name,phenotype\nD:\\scans\\a.zarr,round\nb.zarr,flat\n")
    declare(tmp_path, '[list]\nfile = "list.csv"\n')
    images, notes = read(tmp_path)
    assert [(key, image.phenotype) for key, image in images.items()] == [("scans/a.zarr", "round")]
    assert notes == {"rows without a file": 1}


def test_a_store_a_channel_makes_one_image(tmp_path: Path) -> None:
    for channel in ("dapi", "actin"):
        write_image(tmp_path / f"f1_{channel}.zarr", stack((8, 10)), "yx")
    declare(
        tmp_path,
        '[files]\npattern = "{field}_{channel}.zarr"\n[channels]\ndapi = "nucleus"\nactin = "actin"\n'.replace(
            "{field}", "{f}"
        ),
    )
    [image] = read(tmp_path)[0].values()
    assert planes(image) == [("f1_dapi.zarr/0", "nucleus", 0), ("f1_actin.zarr/0", "actin", 0)]


def test_series_of_bioformats2raw_are_images_and_labels_are_none(tmp_path: Path) -> None:
    root = tmp_path / "slide.zarr"
    write_group(root, "0.4", {"bioformats2raw.layout": 3})
    for series in ("0", "1"):
        write_image(root / series, stack((1, 1, 1, 8, 10)))
    write_image(root / "0/labels/cells", stack((1, 1, 1, 8, 10)), **{"image-label": {}})
    assert [*ome_images(Folder.listed(str(tmp_path)))] == ["slide.zarr/0", "slide.zarr/1"]


def test_stores_that_cannot_be_understood_are_noted(tmp_path: Path) -> None:
    write_group(tmp_path / "plain.zarr", "0.4", {})
    write_image(tmp_path / "axes.zarr", stack((4, 3, 2)), "yxc")
    write_image(tmp_path / "level.zarr", stack((4, 3)), "yx")
    shutil.rmtree(tmp_path / "level.zarr/0")
    write_image(tmp_path / "text.zarr", stack((4, 3)), "yx")
    (tmp_path / "text.zarr/.zattrs").write_text("{")
    (tmp_path / "torn.ozx").write_bytes(b"PK\3\4 torn")
    folder = Folder.listed(str(tmp_path))
    assert ome_images(folder) == {}
    assert folder.notes.counts == {UNKNOWN: 5}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_file_of_an_array_counts_for_the_source_and_the_image(tmp_path: Path, version: str) -> None:
    write_image(tmp_path / "a.zarr", stack((1, 2, 1, 8, 10)), version=version, chunks=(1, 1, 1, 4, 10))
    chunks = sorted(p for p in (tmp_path / "a.zarr/0").rglob("*") if p.is_file() and p.name.isdigit())
    assert len(chunks) == 4

    def facts() -> tuple[str, int, str]:
        folder = Folder.listed(str(tmp_path))
        [image] = ome_images(folder).values()
        return folder.state(), folder.file_signature([image.key()]), image.listed

    before = facts()
    assert facts() == before
    content = chunks[2].read_bytes()
    chunks[2].write_bytes(content + b"\0")
    after = facts()
    assert after[0] != before[0]
    assert after[1] != before[1]
    assert after[2] == before[2]
    chunks[2].unlink()
    assert facts()[2] != before[2]


def test_old_versions_name_no_axes_or_name_them_alone(tmp_path: Path) -> None:
    for axes, shape in ((None, (1, 2, 3, 8, 10)), (["c", "y", "x"], (2, 8, 10))):
        write_image(tmp_path / "a.zarr", stack(shape), "tczyx"[-len(shape) :] if axes is None else "cyx")
        attributes = json.loads((tmp_path / "a.zarr/.zattrs").read_text())
        scales = attributes["multiscales"][0]
        del scales["axes"]
        if axes:
            scales["axes"] = axes
        (tmp_path / "a.zarr/.zattrs").write_text(json.dumps(attributes))
        [image] = ome_images(Folder.listed(str(tmp_path))).values()
        assert image.size("c") == 2
        assert image.pixel_size_um is None
        shutil.rmtree(tmp_path / "a.zarr")


def test_new_proposes_the_layout_and_the_channels_of_a_plate(tmp_path: Path) -> None:
    write_plate(tmp_path / "P7.zarr", {"A/1": 1, "B/1": 1}, labels=["Hoechst 33342", "Tubulin"])
    (tmp_path / "map.csv").write_text("plate,well,compound\nP7,A1,taxol\nP7,B1,dmso\n")
    text = propose(Folder.listed(str(tmp_path)), "Ours")
    (tmp_path / "source.toml").write_text(text)
    images, notes = read(tmp_path)
    assert 'layout = "ome_zarr_plate"' in text
    assert notes == {}
    assert {image.well: image.compound for image in images.values()} == {"A01": "taxol", "B01": "dmso"}
    assert [[shows for _, shows, _ in planes(image)] for image in images.values()] == [["nucleus", "microtubule"]] * 2
