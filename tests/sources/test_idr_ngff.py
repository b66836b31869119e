"""OME-Zarr stores in place of IDR studies' files.

The rows are the same, whatever form the images have.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.sources import idr0016, idr0021, idr0041, idr0072, idr0088
from builder.sources.base import Image, Source
from builder.sources.common.folder import Folder
from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import write_dv
from tests.sources.ome_zarr_files import stack, write_group, write_image

Of = Callable[[Image], Mapping[str, Any]]
_RUN = "p170915PPS073/PpsL05HepG2TubARelA_PPS073_20170916_150825"


def read(source: Source, root: Path) -> tuple[dict[str, Image], dict[str, int]]:
    folder = Folder.listed(str(root))
    return {image.key: image for image in source.images(folder)}, folder.notes.counts


def alike(images: Mapping[str, Image]) -> dict[str, Any]:
    """Return the images with channels by what they show only.

    Their files are left out.
    """
    return {key: image._replace(channels=tuple(c.structure for c in image.channels)) for key, image in images.items()}  # type: ignore[misc]


def write_plate(path: Path, name: str, wells: Mapping[str, int], labels: tuple[str, ...], depth: int = 1) -> None:
    """Write a plate as omero-cli-zarr exports it from IDR.

    Its name is in the metadata.
    """
    listed = [{"path": well} for well in wells]
    write_group(path, "0.4", {"plate": {"version": "0.4", "name": name, "wells": listed}})
    for well, fields in wells.items():
        write_group(path / well, "0.4", {"well": {"images": [{"path": str(field)} for field in range(fields)]}})
        for field in range(fields):
            write_image(path / well / str(field), stack((len(labels), depth, 8, 8)), "czyx", labels=labels)


def test_plates_of_idr0072_by_their_names_in_the_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = ["Plate", "Well", "Characteristics [Organism]", "Characteristics [Cell Line]"]
    header += ["Comment [Protein Name Abbreviation]", "Experimental Condition [Subcellular Localization]"]
    row = ("20151030_Plate116/Meas_01", "L24", "Mus musculus", "NMuMG", "Calr-KDEL", "endoplasmic reticulum")
    write_csv(tmp_path / "idr0072-screenB-annotation.csv", header, [row])
    shutil.copytree(tmp_path, tmp_path / "flex")
    write_tiff(tmp_path / "flex/20151030_Plate116/Meas_01/012024000.flex", (4, 8, 9))
    write_plate(tmp_path / "ngff/idr0072B/9512.zarr", row[0], {"L/24": 2}, ("EGFP", "DNA"))
    shutil.copy(tmp_path / "idr0072-screenB-annotation.csv", tmp_path / "ngff")
    files, _ = read(idr0072.SOURCE, tmp_path / "flex")
    stores, notes = read(idr0072.SOURCE, tmp_path / "ngff")
    assert alike(stores) == alike(files)
    assert [channel.plane for channel in stores["20151030plate116meas01_L24_f2"].channels] == [0, 1]
    assert "files without a row" not in notes
    shutil.copytree(tmp_path / "flex", tmp_path / "ngff", dirs_exist_ok=True)  # both: the files count
    both, notes = read(idr0072.SOURCE, tmp_path / "ngff")
    assert both == files
    assert notes["stores of images that are there as files, left out"] == 2


def test_images_of_idr0021(tmp_path: Path) -> None:
    name = "Centrin_001_SIR_PRJ.dv"
    rows = [("CDK5RAP2-C", name, "442:CENT2; 525:PCNT; 615:CDK5RAP2-C", "at the centrosome")]
    rows += [("CEP152", "Other.dv", "525:CEP152; 615:TUBG1-N", "")]
    rows += [(data_set, "Twice.dv", "525:PCNT-N1; 615:NEDD1-C1", "") for data_set in ("PCNT-N1", "NEDD1-C1")]
    for form in ("dv", "ngff"):
        header = ["Dataset Name", "Image Name", "Channels", "Phenotype 1"]
        write_csv(tmp_path / form / "idr0021-experimentA-annotation.csv", header, rows)
    write_dv(tmp_path / "dv/CDK5RAP2-C/Centrin_20110506" / name, 3)
    write_dv(tmp_path / "dv/CEP152/Other.dv", 2)
    write_image(tmp_path / "ngff/CDK5RAP2-C/Centrin_20110506/Centrin_001_SIR_PRJ.ome.zarr", stack((3, 1, 8, 8)), "czyx")
    write_image(tmp_path / "ngff/1884807.zarr", stack((2, 1, 8, 8)), "czyx", omero={"name": "Other.dv"})
    for number, named in enumerate(("Twice.dv", "Unknown.dv", "")):
        write_image(tmp_path / f"ngff/{number}.zarr", stack((2, 1, 8, 8)), "czyx", omero={"name": named})
    write_image(tmp_path / "ngff/CEP152/Twice.zarr", stack((5, 1, 8, 8)), "czyx")
    files, _ = read(idr0021.SOURCE, tmp_path / "dv")
    stores, notes = read(idr0021.SOURCE, tmp_path / "ngff")
    assert notes["files in no known data set"] == 3  # one in two data sets, one in none, one without a name
    extra = stores.pop("CEP152/Twice.dv")  # no row says how many channels it has
    assert len(extra.channels) == 5
    assert alike(stores) == alike(files)


def test_stacks_of_idr0041(tmp_path: Path) -> None:
    assay = "140411_KIF11_MitoSys1"
    rows = [(f"{assay}_raw", f"cell0003_R0028_T000{time}", "KIF11") for time in (1, 2)]
    for form in ("tif", "ngff"):
        header = ["Dataset Name", "Image Name", "Comment [Gene Symbol]"]
        write_csv(tmp_path / form / "idr0041-experimentA-annotation.csv", header, rows)
    for time in (1, 2):
        write_tiff(tmp_path / f"tif/{assay}_raw/cell0003_R0028_T000{time}.tif", (6, 8, 9))
        ending = "tif.ome.zarr" if time == 1 else "zarr"
        write_image(tmp_path / f"ngff/{assay}_raw/cell0003_R0028_T000{time}.{ending}", stack((3, 2, 8, 8)), "czyx")
    files, _ = read(idr0041.SOURCE, tmp_path / "tif")
    stores, notes = read(idr0041.SOURCE, tmp_path / "ngff")
    assert alike(stores) == alike(files)
    assert len(stores) == 2
    assert "files without a row" not in notes
    assert all("&project=6" in image.channels[0].path for image in stores.values())


def test_plates_of_idr0088(tmp_path: Path) -> None:
    header = ["Plate Location", "Plate", "Well", "Characteristics [Cell Line]", "Comment [Cell Line with Markers]"]
    header += ["Compound Name", "Compound MoA", "Control Type"]
    row = (_RUN, "110000251230", "B2", "HepG2", "HepG2-TUBA1B-RELA", "ACHP", "IkB kinase inhibitor", "")
    for form in ("tif", "ngff"):
        write_csv(tmp_path / form / "idr0088-screenA-annotation.csv", header, [row])
    for channel in (1, 2, 3):
        name = f"110000251230_B02_T0001F001L01A{channel:02d}Z01C{channel:02d}.tif"
        write_tiff(tmp_path / "tif" / _RUN / "110000251230" / name)
    write_plate(tmp_path / "ngff/110000251230.ome.zarr", "", {"B/02": 1}, ("", "", ""))
    write_plate(tmp_path / "ngff/110000251231.ome.zarr", "", {"B/02": 1}, ("", "", ""))
    files, _ = read(idr0088.SOURCE, tmp_path / "tif")
    stores, notes = read(idr0088.SOURCE, tmp_path / "ngff")
    assert alike(stores) == alike(files)
    assert len(stores) == 1
    assert notes["files in no known plate folder"] == 1


def test_plates_of_idr0016_in_folders_named_by_a_uuid(tmp_path: Path) -> None:
    for form in ("tif", "ngff"):
        header = ["Plate", "Well", "Compound Name", "Control Type"]
        write_csv(tmp_path / form / "idr0016-screenA-annotation.csv", header, [("24278", "a1", "taxol", "")])
    named = {"Hoechst": 1, "ERSyto": 2, "ERSytoBleed": 3, "Ph_golgi": 4, "Mito": 5}
    for channel, number in named.items():
        write_tiff(tmp_path / f"tif/24278-{channel}/cdp2bioactives_a01_s1_w{number}A.tif")
    uuid = "2c49b893-ec6d-4329-9cc3-569b820075f2"
    labels = ("Mito", "Hoechst", "ERSytoBleed", "ERSyto", "Ph_golgi")
    write_plate(tmp_path / f"ngff/{uuid}/{uuid}.zarr", "24278", {"A/1": 1}, labels)
    write_plate(tmp_path / "ngff/24279.ome.zarr", "", {"A/1": 1}, ("w1", "w2", "w3", "w4", "w5"))
    files, _ = read(idr0016.SOURCE, tmp_path / "tif")
    stores, notes = read(idr0016.SOURCE, tmp_path / "ngff")
    assert alike(stores) == alike(files)
    assert len(stores) == 1
    assert notes["stores with other channels than the study's, left out"] == 1
