"""Plate maps as people draw them.

Tables as their spreadsheets write them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.sources.common.folder import LayoutError
from builder.sources.declared.people_tables import sniff
from builder.sources.declared.plate_maps import blocks
from tests.sources.declared.reading import declare, read, touch
from tests.sources.files import write_bytes, write_text, write_xlsx

PATTERN = '[files]\npattern = "[{plate}/]{well}[_w{channel}].tif"\n'


def compounds(root: Path) -> dict[str, str | None]:
    """Return plate and well -> compound."""
    return {image.group: image.compound for image in read(root)[0].values()}


def test_a_grid(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["A01.tif", "A02.tif", "B02.tif", "B03.tif"])
    write_text(
        root / "map.csv", "Made by Ann,,,,\n,,,,\ndrug,1,2,3.0,\nA,dmso,taxol,,\nB,,eg5,N/A,note\n\nstock,10 mM,,,\n"
    )
    declare(root, f'{PATTERN}[[tables]]\nfile = "map.csv"\n[columns]\ncompound = "drug"')
    assert compounds(root) == {"A01": "dmso", "A02": "taxol", "B02": "eg5", "B03": "N/A"}


def test_several_blocks_of_several_plates(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["P1/A1.tif", "P1/B2.tif", "P2/A1.tif"])
    text = "".join(
        f"Plate ID: {plate},,\ndrug,1,2\nA,{a},x\nB,y,{b}\ndose,1,2\nA,1,2\nB,3,4\n"
        for plate, a, b in (("P1", "dmso", "taxol"), ("P2", "eg5", "z"))
    )
    write_text(root / "maps.csv", text)
    declare(root, f'{PATTERN}[[tables]]\nfile = "maps.csv"\n[columns]\ncompound = "{{drug}} {{dose}}"')
    assert compounds(root) == {"P1_A01": "dmso 1", "P1_B02": "taxol 4", "P2_A01": "eg5 1"}


def test_a_grid_in_a_workbook_a_sheet_a_plate(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["A01.tif", "B02.tif"])
    write_xlsx(root / "Layout.xlsx", [["drug", 1, 2], ["A", "dmso", "taxol"], ["B", "eg5", "nocodazole"]])
    declare(root, f'{PATTERN}[[tables]]\nfile = "Layout.xlsx"\n[columns]\ncompound = "drug"')
    assert compounds(root) == {"A01": "dmso", "B02": "nocodazole"}


def test_two_blocks_that_contradict_are_an_error(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["A01.tif"])
    write_text(root / "map.csv", "drug,1,2\nA,dmso,x\nB,,\n\ndrug,1,2\nA,taxol,x\nB,,\n")
    declare(root, f'{PATTERN}[[tables]]\nfile = "map.csv"\n[columns]\ncompound = "drug"')
    with pytest.raises(
        LayoutError, match=r"two grids of 'drug' say 'dmso' and 'taxol' of well A01; write `Plate: NAME`"
    ):
        read(root)


@pytest.mark.parametrize("well", ["A1", "A01", "a-1", "A - 01", "A:1", "r01c01", "Well A01", "A1.0", "1,1"])
def test_a_long_map_in_every_spelling(well: str, tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["P1/A01.tif"])
    write_text(root / "map.tsv", f"Barcode\tWell\tcompound\nP1\t{well}\ttaxol\nP1\tB02\tdmso\n")
    declare(root, f'{PATTERN}[[tables]]\nfile = "map.tsv"')
    images, notes = read(root)
    assert [image.compound for image in images.values()] == ["taxol"]
    assert notes == {"rows of map.tsv without an image": 1}


def test_row_and_column_numbers(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["P1/C11.tif"])
    write_text(root / "map.csv", "Plate,Row,Column,compound\nP1,3,11,taxol\n")
    declare(root, f'{PATTERN}[[tables]]\nfile = "map.csv"')
    assert compounds(root) == {"P1_C11": "taxol"}


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8-sig", "Platte;Well;Wirkstoff;Dosis\nP1;A1;Wortmännin;1,5\n;A2;dmso;0\n"),
        ("cp1252", "Platte;Well;Wirkstoff;Dosis\nP1;A1;Wortmännin;1,5\n;A2;dmso;0\n"),
        ("utf-16", "Platte\tWell\tWirkstoff\tDosis\nP1\tA1\tWortmännin\t1.5\n\tA2\tdmso\t0\n"),
    ],
)
def test_what_spreadsheets_of_other_countries_write(encoding: str, text: str, tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["P1/A01.tif", "P1/A02.tif"])
    write_bytes(root / "map.csv", text.encode(encoding))
    declare(
        root,
        f'{PATTERN}[[tables]]\nfile = "map.csv"\nfill_down = ["Platte"]\njoin = {{ plate = "Platte", well = "Well" }}\n'
        '[columns]\ncompound = "Wirkstoff"\npixel_size_um = "Dosis"',
    )
    images, _ = read(root)
    assert [(image.compound, image.pixel_size_um) for image in images.values()] == [("Wortmännin", 1.5), ("dmso", 0.0)]


def test_a_declared_encoding_is_used(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["A01.tif"])
    write_bytes(root / "map.csv", "Well,compound\nA1,微小管\n".encode("shift_jis"))
    declare(root, f'{PATTERN}[[tables]]\nfile = "map.csv"\nencoding = "shift_jis"')
    assert compounds(root) == {"A01": "微小管"}


def test_merged_header_rows(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["A01.tif"])
    write_text(root / "map.csv", "Well,Drug,,\n,name,dose,unit\nA1,taxol,3,uM\n")
    text = '[[tables]]\nfile = "map.csv"\nheader = [0, 1]\n[columns]\ncompound = "Drug name"'
    declare(root, f"{PATTERN}{text}")
    assert compounds(root) == {"A01": "taxol"}


def test_a_chain_of_joins(tmp_path: Path) -> None:
    """Barcode -> map -> sample -> gene.

    With what an empty cell means, and a well that is left out.
    """
    root = tmp_path / "s"
    touch(root, [f"BR7__x/{well}.tif" for well in ("A01", "A02", "A03", "A04")])
    write_text(root / "barcode_platemap.csv", "Assay_Plate_Barcode,Plate_Map_Name\nBR7,M1\nBR8,M2\n")
    write_text(
        root / "maps/M1.txt",
        "plate_map_name\twell_position\tbroad_sample\tqc\nM1\tA1\tS1\t\nM1\ta02\t\t\nM1\tA3\tS2\tbad\nM1\tA04\tS9\t\n",
    )
    write_text(root / "samples.tsv", "broad_sample\tgene\nS1\tTP53\nDMSO\t\nS2\tKIF11\n")
    declare(
        root,
        '[files]\npattern = "{folder}/{well}.tif"\n[facts.plate]\nfrom = "folder"\ncut = "^(BR[0-9]+)"\n'
        '[[tables]]\nfile = "barcode_platemap.csv"\n'
        '[[tables]]\nfile = "maps/*.txt"\njoin = { Plate_Map_Name = "plate_map_name", well = "well_position" }\n'
        'empty = { broad_sample = "DMSO" }\nleave_out = { qc = "bad" }\n'
        '[[tables]]\nfile = "samples.tsv"\njoin = { broad_sample = "broad_sample" }\n'
        '[columns]\ncontrol = "broad_sample"\n[values.control]\nDMSO = "negative"',
    )
    images, notes = read(root)
    assert {image.well: (image.gene, image.control, image.batch) for image in images.values()} == {
        "A01": ("TP53", None, "BR7"),
        "A02": (None, "negative", "BR7"),
        "A04": (None, None, "BR7"),
    }
    assert notes == {
        "images that maps/*.txt leaves out (qc: bad)": 1,
        "images without a row in samples.tsv": 1,
        "rows of barcode_platemap.csv without an image": 1,
        "rows of samples.tsv without an image": 1,
    }


def test_a_table_that_joins_nothing_shows_keys_of_both_sides(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["Plate 1/A01.tif"])
    write_text(root / "map.csv", "Plate,Well,compound\nP1,A01,taxol\n")
    declare(root, f'{PATTERN}[[tables]]\nfile = "map.csv"')
    with pytest.raises(LayoutError, match="By plate and well, rows are of p1 a01; images are of plate 1 a01"):
        read(root)


def test_a_missing_table_and_column_name_what_is_there(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["A01.tif"])
    write_text(root / "layout.csv", "Well,Drug\nA1,x\n")
    declare(root, f'{PATTERN}[[tables]]\nfile = "map.csv"')
    with pytest.raises(LayoutError, match=r"no table 'map\.csv'; there are layout\.csv"):
        read(root)
    declare(root, f'{PATTERN}[[tables]]\nfile = "layout.csv"\ntake = {{ compound = "Drugs" }}')
    with pytest.raises(LayoutError, match=r"no column 'Drugs'; did you mean 'Drug'\? found Well, Drug"):
        read(root)


def test_a_row_that_contradicts_another_is_noted(tmp_path: Path) -> None:
    root = tmp_path / "s"
    touch(root, ["A01.tif"])
    write_text(root / "map.csv", "Well,compound\nA1,taxol\nA01,dmso\n,\n?,x\n")
    declare(root, f'{PATTERN}[[tables]]\nfile = "map.csv"')
    images, notes = read(root)
    assert [image.compound for image in images.values()] == ["taxol"]
    assert notes == {"rows that contradict an earlier one": 1, "rows of map.csv that name no well": 1}


@given(
    rows=st.integers(2, 16), columns=st.integers(2, 24), above=st.integers(0, 3), left=st.integers(0, 3), data=st.data()
)
def test_any_part_of_a_plate_anywhere_on_a_sheet(
    rows: int, columns: int, above: int, left: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, 24 - columns + 1))
    letter = data.draw(st.integers(0, 16 - rows))
    width = left + columns + 2
    sheet = [[""] * width for _ in range(above)]
    sheet.append([*[""] * left, "drug", *map(str, range(first, first + columns)), ""])
    expected = {}
    for row in range(letter, letter + rows):
        values = [f"v{row}.{column}" for column in range(first, first + columns)]
        expected |= {
            f"{chr(65 + row)}{column:02d}": v for column, v in zip(range(first, first + columns), values, strict=True)
        }
        sheet.append([*[""] * left, chr(65 + row), *values, "note"])
    (found,) = blocks(sheet)
    assert (found.name, found.plate, found.wells) == ("drug", "", expected)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(delimiter: str) -> None:
    lines = [["Well", "Drug, name", "Dose"], ["A1", "a, b", "1"], ["A2", "c", "2"]]
    text = "\n".join(delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) for row in lines)
    assert sniff(text) == delimiter
