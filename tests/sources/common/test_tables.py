"""Annotation tables.

They are found in either form, read by column name and joined both ways.
"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.sources.common.folder import Folder, LayoutError, Notes
from builder.sources.common.tables import Rows, find_tables, read_table


def _folder(root: Path, name: str, content: str | bytes) -> Folder:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return Folder.listed(str(root))


@pytest.mark.parametrize("name", ["t.csv", "deep/er/t.csv", "t.csv.gz", "deep/t.csv.gz", "T.CSV"])
def test_found_plain_or_packed_at_any_depth(tmp_path: Path, name: str) -> None:
    folder = _folder(tmp_path, name, "Plate,Well\n1,A1\n")
    assert find_tables(folder, "t.csv") == [name]
    if name != "T.CSV":
        assert list(read_table(folder, name, ("Well", "Plate"))) == [("A1", "1")]
    assert not folder.notes.counts


def test_plain_comes_before_packed_and_shallow_before_deep(tmp_path: Path) -> None:
    for name in ("t.csv.gz", "b/t.csv", "b/c/t.csv"):
        folder = _folder(tmp_path, name, "Plate\n1\n")
    assert find_tables(folder, "t.csv") == ["b/t.csv"]


def test_a_missing_table_is_noted(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "a.csv", "Plate\n1\n")
    assert find_tables(folder, "a.csv", "b.csv") == ["a.csv"]
    assert folder.notes.counts == {"annotation tables not found": 1}
    assert "b.csv" in folder.notes.examples["annotation tables not found"][0]


def test_columns_go_by_name(tmp_path: Path) -> None:
    text = (
        "\ufeffPLATE,Gene Identifier %% url=http://www.ensembl.org/id/%s,Term, Gene Symbol (Ensembl 81) ,Term\r\n"
        ' p1 ,ENSG1,first," KIF11, ""x"" ",second\r\n'
    )
    folder = _folder(tmp_path, "t.csv", text)
    columns = ("Gene Symbol|Gene Symbol (Ensembl 81)", "Plate", "Gene Identifier", "Term")
    assert list(read_table(folder, "t.csv", columns, ("Nowhere",))) == [('KIF11, "x"', "p1", "ENSG1", "first", "")]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "t.csv", "Plate,Well\n1,A1\n")
    with pytest.raises(LayoutError, match=r"t\.csv: no column Gene; found Plate, Well"):
        list(read_table(folder, "t.csv", ("Plate", "Gene")))


def test_rows_of_another_length_are_noted(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "t.csv", "Plate,Well\n1,A1\n\n2\n3,A3,x\n4,A4\n")
    assert list(read_table(folder, "t.csv", ("Plate", "Well"))) == [("1", "A1"), ("4", "A4")]
    assert folder.notes.counts == {"malformed rows": 2}
    assert folder.notes.examples["malformed rows"][0].startswith("t.csv:4: 1 fields, not 2")


def test_latin_1_is_noted(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "t.txt", "Dose\n1 µM\n".encode("latin-1"))
    assert list(read_table(folder, "t.txt", ("Dose",))) == [("1 µM",)]
    assert folder.notes.counts == {"tables that are not UTF-8, read as Latin-1": 1}


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", gzip.compress(b"Plate\n1\n" * 99)[:20], b"Plate\n1\n"],
    ids=["empty", "cut header", "cut", "not packed"],
)
def test_a_broken_archive_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv.gz").write_bytes(content)
    with pytest.raises(LayoutError, match=r"t\.csv\.gz"):
        list(read_table(Folder.listed(str(tmp_path)), "t.csv.gz", ("Plate",)))


_CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=12)


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(_CELLS, _CELLS, _CELLS), max_size=8), delimiter=st.sampled_from(",\t;"))
def test_what_csv_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], delimiter: str
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([("One", "Two", "Three"), *rows])
    folder = _folder(tmp_path_factory.mktemp("t"), "t.csv", out.getvalue())
    expected = [(three.strip(), one.strip()) for one, _, three in rows]
    assert list(read_table(folder, "t.csv", ("Three", "One"), delimiter=delimiter)) == expected


def test_joins_count_both_leftovers() -> None:
    notes = Notes()
    rows: Rows[str] = Rows(notes)
    for well in ("A01", "A02", "A03"):
        rows.add("here", well, f"drug of {well}", "t.csv")
        rows.add("absent", well, "drug", "t.csv")
    assert len(rows) == 6
    assert rows.get("here", "A02", ("a.tif",)) == "drug of A02"
    assert rows.get("here", "A02", ("b.tif",)) == "drug of A02"
    assert rows.get("here", "P24", ("c.tif", "d.tif")) is None
    assert rows.get("nowhere", "A01", ("e.tif",)) is None
    rows.note_unused()
    assert notes.counts == {"files without a row": 3, "rows without a file": 2 + 3}
    assert notes.examples["files without a row"] == ["c.tif", "d.tif", "e.tif"]
    assert notes.examples["rows without a file"] == ["here A01", "here A03", "absent, all 3 rows"]


def test_only_contradicting_rows_are_noted_and_the_first_counts() -> None:
    notes = Notes()
    rows: Rows[tuple[str, ...]] = Rows(notes)
    rows.add("p", "A01", ("dmso", "1"), "t.csv")
    rows.add("p", "A01", ("dmso", "".join(("1",))), "t.csv")
    assert not notes.counts
    rows.add("p", "A01", ("taxol", "1"), "t.csv")
    assert notes.counts == {"rows that contradict an earlier one": 1}
    assert rows.get("p", "A01", ()) == ("dmso", "1")
