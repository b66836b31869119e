"""Tables that list images, as people and programs write them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.sources.base import Region
from builder.sources.common.folder import LayoutError
from tests.sources.declared.reading import declare, files_of, read, touch
from tests.sources.files import write_text, write_xlsx

ROWS = [{"file_name": "a/1.png", "phenotype": "round"}, {"file_name": "a/2.png", "phenotype": "flat"}]


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "metadata.parquet", "metadata.json", "list.xlsx"])
def test_hugging_face_metadata(name: str, tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["train/a/1.png", "train/a/2.png", "train/a/3.png"])
    table = root / "train" / name
    if name.endswith("csv"):
        write_text(table, "file_name,phenotype\na/1.png,round\na/2.png,flat\n")
    elif name.endswith("jsonl"):
        write_text(table, "\n".join(map(json.dumps, ROWS)))
    elif name.endswith("json"):
        write_text(table, json.dumps(ROWS))
    elif name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(ROWS), table)
    else:
        write_xlsx(table, [["file_name", "phenotype"], *(list(row.values()) for row in ROWS)])
    declare(root, f'[list]\nfile = "{name}"')
    images, notes = read(root)
    assert {key: (image.phenotype, image.group) for key, image in images.items()} == {
        "train/a/1.png": ("round", "train/a/1.png"),
        "train/a/2.png": ("flat", "train/a/2.png"),
    }
    assert notes == {"files without a row": 1}


@pytest.mark.parametrize(
    "path",
    [
        "imgs/P1/a.tif",
        "./imgs/P1/a.tif",
        r"D:\Screens\2024\imgs\P1\a.tif",
        r"\\server\share\imgs\P1\a.tif",
        "/home/ann/imgs/P1/a.tif",
        "file:///data/imgs/P1/a.tif",
        "a.tif",
    ],
)
def test_paths_of_other_machines(path: str, tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["imgs/P1/a.tif", "imgs/P2/b.tif"])
    write_text(root / "labels.csv", f"path,label\n{path},round\n../../etc/passwd,flat\nimgs/P1/none.tif,flat\n")
    declare(root, '[list]\nfile = "labels.csv"\npaths = "path"\n[columns]\nphenotype = "label"')
    images, notes = read(root)
    assert [(files_of(image), image.phenotype) for image in images.values()] == [(["imgs/P1/a.tif"], "round")]
    assert notes == {"rows without a file": 2, "files without a row": 1}


def test_load_data_of_cellprofiler(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, [f"P1/A01_s1_{channel}.tif" for channel in ("dna", "agp")] + ["illum/P1_IllumDNA.npy"])
    header = "FileName_OrigDNA,PathName_OrigDNA,FileName_OrigAGP,PathName_OrigAGP,FileName_IllumDNA,PathName_IllumDNA"
    write_text(
        root / "load_data.csv",
        f"{header},Metadata_Plate,Metadata_Well,Metadata_Site,Metadata_broad_sample\n"
        "A01_s1_dna.tif,/home/ubuntu/P1,A01_s1_agp.tif,/home/ubuntu/P1,P1_IllumDNA.npy,/x/illum,P1,A1,1,BRD-1\n",
    )
    declare(
        root,
        '[list]\nfile = "load_data.csv"\n[channels]\nOrigDNA = "nucleus"\nOrigAGP = "actin + golgi"\n'
        '[columns]\ncompound = "Metadata_broad_sample"',
    )
    (image,) = read(root)[0].values()
    assert [(channel.path, channel.structure) for channel in image.channels] == [
        ("P1/A01_s1_dna.tif", "nucleus"),
        ("P1/A01_s1_agp.tif", "actin + golgi"),
    ]
    assert (image.group, image.batch, image.well, image.compound) == ("P1_A01", "P1", "A01", "BRD-1")
    assert image.cell_visible == "nucleus|actin|golgi"


def test_columns_of_paths_by_what_they_show(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["1_d.tif", "1_r.tif", "2_d.tif"])
    write_text(root / "index.csv", "Metadata_Plate,DNA,RNA,label\nP,1_d.tif,1_r.tif,x\nP,2_d.tif,2_r.tif,y\n")
    declare(
        root, '[list]\nfile = "index.csv"\n[list.channels]\nnucleus = "DNA"\nrna = "RNA"\n[columns]\ngene = "label"'
    )
    images, notes = read(root)
    assert [[c.structure for c in image.channels] for image in images.values()] == [["nucleus", "rna"], ["nucleus"]]
    assert notes == {"rows without a file": 1}


def test_two_channels_with_one_file_are_an_error(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["a.tif"])
    write_text(root / "load_data.csv", "FileName_AGP,FileName_Mito\na.tif,a.tif\n")
    declare(root, '[list]\nfile = "load_data.csv"')
    with pytest.raises(LayoutError, match=r"channels AGP, Mito of one image are the same file, a\.tif"):
        read(root)


def test_boxes_of_a_table(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["a.png"])
    write_text(
        root / "cells.csv",
        "file_name,x_min,y_min,x_max,y_max,cell_type\na.png,1,2,30,40,hela\na.png,5,5,5,9,x\na.png,a,b,c,d,x\n",
    )
    declare(root, 'single_object = true\n[list]\nfile = "cells.csv"\nbox = ["x_min", "y_min", "x_max", "y_max"]')
    images, notes = read(root)
    assert {key: (image.region, image.cell_type, image.group) for key, image in images.items()} == {
        "a.png#1,30,2,40": (Region(1, 30, 2, 40), "hela", "a.png")
    }
    assert notes == {"boxes without an inside": 1, "boxes that are no numbers": 1}


COCO = {
    "images": [{"id": 7, "file_name": "imgs\\a.png"}, {"id": 9, "file_name": "imgs/b.png"}],
    "annotations": [
        {"image_id": 7, "category_id": 3, "bbox": [1, 2, 10.4, 20]},
        {"image_id": 7, "category_id": 5, "bbox": [5, 5, 4, 4]},
        {"image_id": 9, "category_id": 3, "bbox": [0, 0, 8, 8]},
    ],
    "categories": [{"id": 3, "name": "rbc"}, {"id": 5, "name": "ring"}],
}


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ("images", {"imgs/a.png#1,11,2,22": "rbc", "imgs/a.png#5,9,5,9": "ring", "imgs/b.png#0,8,0,8": "rbc"}),
        ("agree", {"imgs/a.png": None, "imgs/b.png": "rbc"}),
        ("any", {"imgs/a.png": "rbc|ring", "imgs/b.png": "rbc"}),
    ],
)
def test_coco(boxes: str, expected: dict[str, str | None], tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["imgs/a.png", "imgs/b.png"])
    write_text(root / "instances.json", json.dumps(COCO))
    declare(root, f'[list]\nfile = "instances.json"\nboxes = "{boxes}"\n[columns]\ncell_type = "category"')
    images, notes = read(root)
    assert {key: image.cell_type for key, image in images.items()} == expected
    assert notes == ({"files whose boxes do not agree, without a class": 1} if boxes == "agree" else {})


def test_a_box_of_three_values_is_one_line(tmp_path: Path) -> None:
    touch(tmp_path, ["imgs/a.png"])
    found = [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 10]}]
    write_text(tmp_path / "instances.json", json.dumps({**COCO, "annotations": found}))
    declare(tmp_path, '[list]\nfile = "instances.json"\n[columns]\ncell_type = "category"')
    said = r"instances\.json: a box of imgs\\a\.png is \[1, 2, 10\], not \[x, y, width, height\]"
    with pytest.raises(LayoutError, match=said):
        read(tmp_path)


def test_a_list_without_paths_says_so(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["a.png"])
    write_text(root / "labels.csv", "image,label\na.png,x\n")
    declare(root, '[list]\nfile = "labels.csv"')
    with pytest.raises(LayoutError, match=r"no column of paths .* found image, label\. Name it with list\.paths"):
        read(root)


def test_rows_with_too_many_cells_are_noted(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["a.png", "b.png"])
    write_text(root / "labels.csv", "file_name,phenotype\na.png,x\nb.png,y,z,w\n")
    declare(root, '[list]\nfile = "labels.csv"')
    images, notes = read(root)
    assert list(images) == ["a.png"]
    assert notes == {"malformed rows": 1, "files without a row": 1}


def test_a_column_that_is_a_fact_by_another_name_keeps_its_own(tmp_path: Path) -> None:
    """``Metadata_Site`` is the field, ``Metadata_Well`` the well.

    People, and ``new``, call them as the table does.
    """
    touch(tmp_path, ["a.png"])
    write_text(tmp_path / "load_data.csv", "FileName_DNA,Metadata_Well,Metadata_Site\na.png,B3,7\n")
    declare(tmp_path, '[list]\nfile = "load_data.csv"\n[extra]\nsite = "Metadata_Site"\nsaid = "Metadata_Well"\n')
    [image] = read(tmp_path)[0].values()
    assert (image.well, image.extra) == ("B03", {"site": "7", "said": "B3"})
