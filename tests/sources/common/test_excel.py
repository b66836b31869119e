from __future__ import annotations

from pathlib import Path

import pytest

from builder.sources.common.excel import read_sheet
from builder.sources.common.folder import Folder, LayoutError
from tests.sources.files import write_bytes, write_xlsx

ROWS = (("Plate ", "other", "Gene"), (7, "x", "  Rab5 "), (15, "y", "a & b <c>"), (8, "", ""))


def read(root: Path, *columns: str) -> list[tuple[str, tuple[str, ...]]]:
    return list(read_sheet(Folder.listed(str(root)), ("table.xls", "table.xlsx"), columns))


def test_values_are_text_by_column_name(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "deep/er/table.xlsx", ROWS)
    assert read(tmp_path, "gene", "PLATE") == [
        ("deep/er/table.xlsx", ("Rab5", "7")),
        ("deep/er/table.xlsx", ("a & b <c>", "15")),
        ("deep/er/table.xlsx", ("", "8")),
    ]


def test_the_first_name_wins(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "table.xlsx", (("gene",), ("new",)))
    write_xlsx(tmp_path / "table.xls", (("gene",), ("old",)))  # the content says what it is, not the name
    assert read(tmp_path, "gene") == [("table.xls", ("old",))]


def test_no_file_is_noted(tmp_path: Path) -> None:
    folder = Folder.listed(str(tmp_path))
    assert list(read_sheet(folder, ("table.xls", "table.xlsx"), ("gene",))) == []
    assert folder.notes.examples == {"annotation tables not found": ["table.xls or table.xlsx, anywhere in the folder"]}


def test_missing_column(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "table.xlsx", ROWS)
    with pytest.raises(LayoutError, match=r"table\.xlsx: no column well, site; found plate, other, gene"):
        read(tmp_path, "well", "gene", "site")


@pytest.mark.parametrize("content", [b"", b"plate,gene\n1,a\n", b"PK\x03\x04" + bytes(40), b"\xd0\xcf\x11\xe0" * 200])
def test_not_a_workbook(tmp_path: Path, content: bytes) -> None:
    write_bytes(tmp_path / "table.xls", content)
    with pytest.raises(LayoutError, match=r"table\.xls: no Excel workbook"):
        read(tmp_path, "gene")


def test_cut_workbook(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "table.xls", ROWS)
    whole = (tmp_path / "table.xls").read_bytes()
    for length in range(0, len(whole), 97):
        (tmp_path / "table.xls").write_bytes(whole[:length])
        with pytest.raises(LayoutError, match=r"table\.xls"):
            read(tmp_path, "gene")
