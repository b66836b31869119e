from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from builder.sources.common.folder import Folder, LayoutError


def test_listing_skips_hidden_files_and_what_unpackers_leave(tmp_path: Path) -> None:
    for name in ("a/x.tif", "__MACOSX/x.tif", "a/._x.tif", "a/Thumbs.db", ".svn/x.tif", "b [1], #%µ/y.TIF"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    folder = Folder.listed(str(tmp_path))
    assert list(folder.paths()) == ["a/x.tif", "b [1], #%µ/y.TIF"]
    assert list(folder.paths(".tif")) == ["a/x.tif", "b [1], #%µ/y.TIF"]


def test_a_link_to_a_folder_above_does_not_loop(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.tif").write_bytes(b"x")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert list(Folder.listed(str(tmp_path)).paths()) == ["a/x.tif"]


def test_paths_outside_are_not_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    folder = Folder.listed(str(tmp_path / "in"))
    assert "../secret.csv" not in folder
    with pytest.raises(LayoutError, match="secret"):
        folder.read_bytes("../secret.csv")


def test_stamps_change_with_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"x")
    first = Folder.listed(str(tmp_path)).file_signature(["a.tif"])
    assert Folder.listed(str(tmp_path)).file_signature(["a.tif"]) == first
    path.write_bytes(b"xy")
    assert Folder.listed(str(tmp_path)).file_signature(["a.tif"]) != first


def table(tmp_path: Path, content: bytes, name: str = "t.csv") -> Folder:
    (tmp_path / name).write_bytes(content)
    return Folder.listed(str(tmp_path))


def test_another_encoding_is_read_and_noted(tmp_path: Path) -> None:
    folder = table(tmp_path, "name\nµm\n".encode("latin-1"))
    assert folder.read_text("t.csv") == "name\nµm\n"
    assert list(folder.notes.counts) == ["tables that are not UTF-8, read as Latin-1"]


def test_gzip_is_unpacked_and_a_cut_one_is_told(tmp_path: Path) -> None:
    whole = gzip.compress(b"name\nx\n" * 100)
    assert table(tmp_path, whole, "t.csv.gz").read_text("t.csv.gz") == "name\nx\n" * 100
    with pytest.raises(LayoutError, match="whole gzip"):
        table(tmp_path, whole[:20], "t.csv.gz").read_text("t.csv.gz")
