"""Packed tables.

Any packing gives the plain text; damage, and size beyond bounds, end in one line that names the file.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from builder.sources.common import excel, packed, tables
from builder.sources.common import folder as folder_module
from builder.sources.common.excel import read_sheet
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.tables import find_tables, read_table

pytestmark = pytest.mark.slow

_TABLE = b"Plate,Well\r\n" + b"".join(b"p%d,A%d\r\n" % (i % 7, i) for i in range(3000))
_ROWS = [(f"p{i % 7}", f"A{i}") for i in range(3000)]


def _zst(content: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(content)
    return bytes(out.getvalue())


def _zip(content: bytes, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("t.csv",):
            archive.writestr(name, content)
    return out.getvalue()


_PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": _zst, ".zip": _zip}


def _write(root: Path, name: str, content: bytes) -> Folder:
    (root / name).write_bytes(content)
    return Folder.listed(str(root))


def test_every_packing_is_tested() -> None:
    assert set(_PACK) == set(packed.PACKED)


@pytest.mark.parametrize("ending", packed.PACKED)
def test_a_packed_table_is_read_like_a_plain_one(tmp_path: Path, ending: str) -> None:
    folder = _write(tmp_path, f"t.csv{ending.upper()}", _PACK[ending](_TABLE))
    assert find_tables(folder, "T.csv") == [f"t.csv{ending.upper()}"] == folder.named("t.CSV")
    assert list(read_table(folder, f"t.csv{ending.upper()}", ("Plate", "Well"))) == _ROWS
    assert folder.read_bytes(f"t.csv{ending.upper()}") == _TABLE
    assert not folder.notes.counts


@pytest.mark.parametrize("ending", packed.PACKED)
def test_a_cut_or_foreign_file_is_named(tmp_path: Path, ending: str) -> None:
    whole = _PACK[ending](_TABLE)
    for content in (b"", whole[:9], whole[: len(whole) // 2], whole[:-9], b"Plate,Well\n1,A1\n" * 50):
        folder = _write(tmp_path, f"t.csv{ending}", content)
        with pytest.raises(LayoutError, match=rf"t\.csv\{ending}: "):
            list(read_table(folder, f"t.csv{ending}", ("Plate",)))


@pytest.mark.parametrize("ending", packed.PACKED)
def test_damaged_bytes_end_in_rows_or_one_line(tmp_path: Path, ending: str) -> None:
    rng = random.Random(ending)
    whole = _PACK[ending](_TABLE)
    for _ in range(60):
        broken = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        folder = _write(tmp_path, f"t.csv{ending}", bytes(broken))
        with contextlib.suppress(LayoutError):
            list(read_table(folder, f"t.csv{ending}", ("Plate",)))


def test_a_zip_file_with_several_files_gives_the_one_of_its_name(tmp_path: Path) -> None:
    folder = _write(tmp_path, "t.csv.zip", _zip(_TABLE, "notes.txt", "deep/T.csv", "__MACOSX/t.csv", "deep/._t.csv"))
    assert len(list(read_table(folder, "t.csv.zip", ("Plate",)))) == 3000
    folder = _write(tmp_path, "t.csv.zip", _zip(_TABLE, "notes.txt", "other.csv"))
    with pytest.raises(LayoutError, match=r"t\.csv\.zip: a zip file should hold t\.csv; found notes\.txt, other\.csv"):
        list(read_table(folder, "t.csv.zip", ("Plate",)))


def test_a_plain_copy_comes_before_a_packed_one(tmp_path: Path) -> None:
    for ending, pack in _PACK.items():
        (tmp_path / f"t.csv{ending}").write_bytes(pack(_TABLE))
    assert find_tables(Folder.listed(str(tmp_path)), "t.csv") == ["t.csv.gz"]
    folder = _write(tmp_path, "t.csv", _TABLE)
    assert find_tables(folder, "t.csv") == ["t.csv"] == folder.named("t.csv")


def test_tables_that_say_the_same_stand_in(tmp_path: Path) -> None:
    folder = _write(tmp_path, "library.txt.xz", lzma.compress(_TABLE))
    assert find_tables(folder, "t.csv", instead=("library.txt",)) == ["library.txt.xz"]
    assert folder.tables == {"library.txt": True}
    assert not folder.notes.counts
    assert find_tables(folder, "other.csv", instead=("none.txt",)) == []
    assert folder.tables["other.csv"] is False
    assert find_tables(folder, "plates.tsv", of_labels=False) == []
    assert "plates.tsv" not in folder.tables
    assert folder.notes.counts == {"annotation tables not found": 2}


def test_bounds_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MAX_UNPACKED", 1 << 20)
    monkeypatch.setattr(packed, "MAX_LINE", 1 << 16)
    monkeypatch.setattr(tables, "MAX_LINE", 1 << 16)
    monkeypatch.setattr(folder_module, "_AT_ONCE", 1 << 19)
    bombs = {
        "long.csv.gz": b"Plate\n" + bytes(1 << 18),
        "many.csv.gz": b"Plate\n" + b"x\n" * (1 << 19),
        "row.csv.gz": b"Plate\n" + b'"x\n",' * (1 << 15),
    }
    for name, content in bombs.items():
        folder = _write(tmp_path, name, gzip.compress(content))
        with pytest.raises(LayoutError, match=f"{name}: .*(line|row|bytes)"):
            list(read_table(folder, name, ("Plate",)))
    folder = _write(tmp_path, "t.json", bytes((1 << 19) + 1))
    with pytest.raises(LayoutError, match=r"t\.json: more than"):
        folder.read_text("t.json")


def test_a_cell_beyond_the_bound_is_a_malformed_row(tmp_path: Path) -> None:
    folder = _write(tmp_path, "t.csv", b"Plate,Well\n" + b"x" * 200_000 + b",A1\n2,A2\n")
    assert list(read_table(folder, "t.csv", ("Plate",))) == [("2",)]
    assert folder.notes.counts == {"malformed rows": 1}


def test_a_workbook_that_inflates_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "_INFLATED", 1 << 20)
    parts = _zip(bytes(2 << 20), "xl/worksheets/sheet1.xml")
    folder = _write(tmp_path, "t.xlsx", parts)
    with pytest.raises(LayoutError, match=r"t\.xlsx: a workbook of more than"):
        list(read_sheet(folder, ("t.xlsx",), ("plate",)))


_MEMORY = """
import sys
from builder.engine.memory import own_peak_memory
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.tables import read_table
folder = Folder.listed(sys.argv[1])
before = own_peak_memory()
try:
    rows = sum(1 for _ in read_table(folder, sys.argv[2], ("Plate",)))
except LayoutError as error:
    rows = str(error)
print((own_peak_memory() - before) >> 20, rows)
"""


@pytest.mark.parametrize("line", [b"", b"p1,A1\n"], ids=["one line", "lines"])
def test_memory_does_not_grow_with_a_table(tmp_path: Path, line: bytes) -> None:
    """A 16 MB table needs less memory than that.

    With line ends or without.
    """
    piece = line * (1 << 16) if line else bytes(1 << 20)
    pieces = (16 << 20) // len(piece)
    with gzip.open(tmp_path / "t.csv.gz", "wb", compresslevel=1) as file:
        file.write(b"Plate,Well\n")
        for _ in range(pieces):
            file.write(piece)
    command = [sys.executable, "-c", _MEMORY, str(tmp_path), "t.csv.gz"]
    grown, said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split(" ", 1)
    assert int(grown) < (8 if line else 60)  # MB; a line may have 16 million characters, or a little more bytes
    assert int(said) == pieces * (1 << 16) if line else "line" in said
