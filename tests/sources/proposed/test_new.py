"""From a folder to a package that loads, without Python.

What `new` guesses, and the commands that follow.
"""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from builder.cli import main
from builder.sources.common.folder import Folder
from builder.sources.declared.declaration import parse
from builder.sources.proposed.propose import propose
from tests.sources.declared.reading import read, touch
from tests.sources.files import write_text
from tests.sources.proposed.folders import CASES


def run(*arguments: str | Path) -> str:
    """Run the command in this process; it has to succeed."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


CLASSES = {  # case -> the classes that the folder was made with, and their images
    "classes": {"apoptosis": 8, "interphase": 8, "mitosis": 8},
    "imagexpress": {"dmso": 6, "nocodazole": 6, "paclitaxel": 6},  # Taxol is paclitaxel
    "ome": {"kif11 targeted": 4, "plk1 targeted": 4, "scrambled targeted": 4},
    "listed": {"healthy": 6, "infected": 6},
}


@pytest.mark.parametrize("case", CASES)
def test_each_case_gives_its_classes_and_says_what_is_next(case: str, tmp_path: Path) -> None:
    folder = tmp_path / case
    CASES[case](folder)
    said = run("new", folder)
    classes = said[said.index("\nclasses:") :]
    assert f"classes: {len(CLASSES[case])}\n" in classes
    for name, images in CLASSES[case].items():
        assert f"  {name} (" in classes
        assert f"): {images} images\n" in classes
    assert f"cytoimagenet annotate {folder} --show" in said
    assert f"cytoimagenet build {folder} -o out/{case}" in said

    shown = run("annotate", folder, "--show", "--workers", "0")
    assert len([line for line in shown.splitlines() if f"{case}:" in line]) >= 1
    thumbnails = sorted((tmp_path / f"{case}.work/show").glob("*.png"))
    assert len(thumbnails) == 3
    with Image.open(thumbnails[0]) as thumbnail:
        assert (thumbnail.mode, max(thumbnail.size)) == ("L", 90)
        assert np.asarray(thumbnail).std() > 10


def test_a_package_of_such_a_folder_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    CASES["listed"](tmp_path / "listed")
    run("new", tmp_path / "listed")
    said = run("build", tmp_path / "listed", "-o", tmp_path / "out/listed", "--workers", "0")
    assert "no class of" not in said
    rows = datasets.load_dataset(str(tmp_path / "out/listed"), "phenotype", split="train+validation")
    labels = rows.features["label"]
    assert sorted({labels.int2str(row["label"]) for row in rows}) == ["healthy", "infected"]
    assert {(row["donor"], row["group"]) for row in rows} >= {("donor0", "listed:scans/img0.tif")}


NAMES = {
    "channel folders": (
        [f"{stain}/img_{n}_A{n:02d}.tif" for stain in ("dapi", "gfp") for n in range(1, 6)],
        'pattern = "{channel}/img_',
    ),
    "words at the end": (
        [f"exp7_{well}_{site}_{stain}.tif" for well in ("A1", "B2") for site in (1, 2) for stain in ("DAPI", "GFP")],
        'pattern = "exp7_{well}_{field}_{channel}.tif"',
    ),
    "plates above": (
        [
            f"P{plate}/{well}-s{site}-ch{c}.png"
            for plate in (1, 2)
            for well in ("A1", "C11")
            for site in (1, 2)
            for c in "12"
        ],
        'pattern = "{plate}/{well}-s{field}-ch{channel}.png"',
    ),
    "an instrument": (
        [f"P1/Images/r01c0{c}f01p01-ch{ch}sk1fk1fl1.tiff" for c in (1, 2) for ch in (1, 2)],
        'layout = "harmony"',
    ),
    "class folders with plates in them": (
        [f"{label}/batch{n}/cell{n}.png" for label in ("a", "b") for n in range(3)],
        "class_folders",
    ),
    "nothing": ([f"{name}.png" for name in ("alpha", "beta 2", "gamma-x")], 'pattern = "{name}.*"'),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_become_a_pattern(case: str, tmp_path: Path) -> None:
    paths, expected = NAMES[case]
    touch(tmp_path, paths)
    text = propose(Folder.listed(str(tmp_path)), "Ours")
    assert expected in text
    parse(text, "source.toml")


def test_what_is_proposed_reads_every_image(tmp_path: Path) -> None:
    paths, _ = NAMES["plates above"]
    touch(tmp_path, paths)
    write_text(tmp_path / "map.tsv", "plate\twell\tgene symbol\nP1\tA01\tPLK1\nP2\tC11\tKIF11\n")
    write_text(tmp_path / "source.toml", propose(Folder.listed(str(tmp_path)), "Ours"))
    images, _ = read(tmp_path)
    assert len(images) == len(paths) / 2
    assert {(image.batch, image.well): image.gene for image in images.values()} == {
        ("P1", "A01"): "PLK1",
        ("P1", "C11"): None,
        ("P2", "A01"): None,
        ("P2", "C11"): "KIF11",
    }


def test_a_table_of_each_plate_is_joined_by_its_name(tmp_path: Path) -> None:
    paths, _ = NAMES["plates above"]
    touch(tmp_path, paths)
    for plate, drug in (("P1", "taxol"), ("P2", "dmso")):
        write_text(tmp_path / f"maps/{plate}.csv", f"well,drug\nA1,{drug}\nC11,water\n")
    write_text(tmp_path / "source.toml", propose(Folder.listed(str(tmp_path)), "Ours"))
    images, _ = read(tmp_path)
    assert {(image.batch, image.well): image.compound for image in images.values()} == {
        ("P1", "A01"): "taxol", ("P1", "C11"): "water", ("P2", "A01"): "dmso", ("P2", "C11"): "water",
    }  # fmt: skip


def test_a_table_of_donors_is_joined_by_equal_values(tmp_path: Path) -> None:
    touch(tmp_path, [f"{donor}_A1_s{site}.tif" for donor in ("ann", "bob", "cy") for site in (1, 2)])
    write_text(tmp_path / "donors.csv", "id,patient,disease,age\n1,ann,asthma,31\n2,bob,none,44\n3,cy,asthma,27\n")
    write_text(tmp_path / "source.toml", propose(Folder.listed(str(tmp_path)), "Ours"))
    images, _ = read(tmp_path)
    assert sorted({(image.phenotype, (image.extra or {})["age"]) for image in images.values()}) == [
        ("asthma", 27), ("asthma", 31), ("none", 44),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([], "holds no image that can be read"),
        (["a.csv", "b.oib"], "it holds 1 .csv, 1 .oib (.oib is not read; bioformats2raw NAME NAME.zarr"),
        (["A1_w1_thumb.tif"], "holds no image that can be read"),
    ],
)
def test_a_folder_without_images_is_said(tmp_path: Path, files: list[str], says: str) -> None:
    touch(tmp_path, files)
    done = CliRunner().invoke(main, ["new", str(tmp_path)])
    assert done.exit_code == 1
    assert says in done.output


def test_a_declaration_is_not_overwritten(tmp_path: Path) -> None:
    CASES["listed"](tmp_path / "listed")
    write_text(tmp_path / "listed/source.toml", "mine")
    done = CliRunner().invoke(main, ["new", str(tmp_path / "listed")])
    assert done.exit_code == 1
    assert "--force" in done.output
    assert (tmp_path / "listed/source.toml").read_text() == "mine"
    assert "classes: 2" in run("new", tmp_path / "listed", "--force", "--title", "Two kinds")
    assert 'title = "Two kinds"' in (tmp_path / "listed/source.toml").read_text("utf-8")
