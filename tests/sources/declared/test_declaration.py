"""``source.toml`` is typed.

What is wrong in it is said in one line that names the fix.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import UserError
from builder.sources import adapter_code, declared_in, source_at
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.licenses import CC_BY_4, UNSTATED
from builder.sources.declared.declaration import parse
from builder.sources.declared.source import source_of
from tests.sources.declared.reading import declare, read, touch

CLASSES = '[files]\nclass_folders = "phenotype"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('titel = "x"', "unknown key 'titel'; did you mean title?"),
        (f'title = "x"\nlicence = "y"\n{CLASSES}', "unknown key 'licence'; did you mean license?"),
        ('title = "x"\n[files]\nlayuot = "harmony"', r"unknown key 'layuot' in \[files\]; did you mean layout?"),
        ('title = "x"\n[files.keep]\nx = 1', r"unknown key 'x' in \[files.keep\]; known are z, t, run"),
        (f'title = "x"\n{CLASSES}[[tables]]\nfile = "a"\njoins = {{}}', r"in \[tables\]; did you mean join?"),
        (f'title = "x"\n{CLASSES}[facts.plate]\nfrom = "a"\ncutt = "b"', r"in \[facts.plate\]; did you mean cut?"),
        (f"title = 3\n{CLASSES}", "Expected `str`, got `int` - at `title`"),
        (f'title = " "\n{CLASSES}', "title must not be empty"),
        ('title = "x"', "say by one of files.layout, .* not by none"),
        ('title = "x"\n[files]\nlayout = "harmony"\nregex = "a"', "not by layout and regex"),
        (f'title = "x"\ncompound = "{{drug}}"\n{CLASSES}', r"mapped in \[columns\]: compound = 'drug'"),
        (f'title = "x"\n{CLASSES}[columns]\ncompoud = "a"', "unknown column 'compoud' .* did you mean compound?"),
        ('title = "x"\n[files]\nclass_folders = "colour"', "Invalid enum value 'colour'"),
        ('title = "x"\n[files]\nlayout = "harmonie"', "unknown layout 'harmonie'; did you mean harmony?"),
        ('title = "x"\n[files]\npattern = "{well.tif"', r"a \{ without a \}"),
        ('title = "x"\n[files]\npattern = "a[b.tif"', r"a \[ without a \]"),
        ('title = "x"\n[files]\nregex = "(a"', "files.regex: missing \\)"),
        ('title = "x"\n[files]\nlayout = "harmony"\nkeep = { z = "top" }', "files.keep.z is a number or one of first"),
        ("title = ", "Invalid value"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "screen").mkdir()
    (tmp_path / "screen/source.toml").write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        source_at(str(tmp_path / "screen"), "screen")
    assert str(caught.value).startswith(f"{tmp_path}/screen/source.toml: ")
    assert "\n" not in str(caught.value)


def test_facts_of_the_source() -> None:
    text = 'title = "Our screen"\nlicense = "cc-by-4.0"\norganism = "human"\nmicroscopy = "fluorescence"\n'
    source = source_of(parse(f"{text}database = 'Lab'\ncitation = 'We 2026'\n{CLASSES}", "x"), "ours")
    assert (source.dir_name, source.name, source.database, source.citation) == ("ours", "Our screen", "Lab", "We 2026")
    assert source.license == CC_BY_4
    assert source.constants == {"organism": "human", "microscopy": "fluorescence"}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("", (UNSTATED.id, None, None)),
        ('license = "CC BY 4.0"', ("CC-BY-4.0", True, True)),
        ('license = "CC-BY-NC-ND-3.0"', ("CC-BY-NC-ND-3.0", False, False)),
        ('license = "MIT"', ("MIT", None, None)),
        ('license = "ask Ann first"\ncommercial_use = false', ("LicenseRef-ask-Ann-first", False, None)),
        ('license = "CC0-1.0"\nderivatives = false', ("CC0-1.0", True, False)),
    ],
)
def test_licences(stated: str, expected: tuple[str, bool | None, bool | None]) -> None:
    terms = source_of(parse(f'title = "x"\n{stated}\n{CLASSES}', "x"), "ours").license
    assert (terms.id, terms.commercial_use, terms.derivatives) == expected


def test_folders_with_a_declaration_are_sources(tmp_path: Path) -> None:
    declare(tmp_path / "ours", CLASSES)
    declare(tmp_path / "bbbc013", CLASSES)
    declare(tmp_path / "odd|name", CLASSES)
    (tmp_path / "none").mkdir()
    found, broken = declared_in(str(tmp_path))
    assert [source.dir_name for source in found] == ["ours"]
    assert "is the name of a known source; rename the folder" in broken["bbbc013"]
    assert "rename the folder 'odd|name'" in broken["odd|name"]
    assert adapter_code("ours") not in (adapter_code("bbbc013"), "")


def test_class_folders_at_any_depth(tmp_path: Path) -> None:
    root = tmp_path / "ours"
    touch(root, ["train/mitosis/a.png", "train/G1/a.png", "_old/mitosis/b.png", ".x/mitosis/c.png", "d.png"])
    touch(root, ["train/mitosis/a_thumb.png", "train/masks/a.png"])
    declare(root, CLASSES)
    images, notes = read(root)
    assert {key: image.phenotype for key, image in images.items()} == {
        "train/mitosis/a.png": "mitosis",
        "train/G1/a.png": "G1",
    }
    assert {image.group for image in images.values()} == {"train/mitosis/a.png", "train/G1/a.png"}
    assert notes == {
        "files in folders whose names begin with _, left out": 1,
        "files in no class folder": 1,
        "thumbnails, left out": 1,
        "masks and outlines, left out": 1,
    }


def test_the_class_may_be_a_folder_further_up(tmp_path: Path) -> None:
    root = tmp_path / "ours"
    touch(root, ["dmso/p1/a.tif", "dmso/p2/a.tif", "taxol/p1/a.tif"])
    declare(root, 'group = "{folder}"\n[files]\nclass_folders = "compound"\nclass_level = 1\n[channels]\n"*" = "actin"')
    images, _ = read(root)
    assert [(image.compound, image.group) for image in images.values()] == [
        ("dmso", "p1"),
        ("dmso", "p2"),
        ("taxol", "p1"),
    ]
    assert {channel.structure for image in images.values() for channel in image.channels} == {"actin"}


def test_a_folder_without_classes_says_what_was_found(tmp_path: Path) -> None:
    touch(tmp_path / "ours", ["a.png"])
    declare(tmp_path / "ours", CLASSES)
    with pytest.raises(LayoutError, match=r"class_folders wants a folder a class .* found a\.png"):
        read(tmp_path / "ours")


def test_names_that_do_not_fit_are_shown_beside_what_was_expected(tmp_path: Path) -> None:
    touch(tmp_path / "ours", [f"x{number}.tif" for number in range(5)])
    declare(tmp_path / "ours", '[files]\npattern = "{plate}_{well}.tif"')
    with pytest.raises(LayoutError, match=r"\{plate\}_\{well\}\.tif.* there are x0\.tif, x1\.tif, x2\.tif$"):
        read(tmp_path / "ours")


def test_an_unknown_fact_names_the_known_ones(tmp_path: Path) -> None:
    touch(tmp_path / "ours", ["P1_A01.tif"])
    declare(tmp_path / "ours", '[files]\npattern = "{plate}_{well}.tif"\n[columns]\ncompound = "drug"')
    with pytest.raises(LayoutError, match=r"'drug' names no fact of images; known are plate, well"):
        list(source_at(str(tmp_path / "ours"), "ours").images(Folder.listed(str(tmp_path / "ours"))))
