from __future__ import annotations

import gzip
import os
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


def test_a_link_to_a_folder_whose_name_begins_alike_is_followed(tmp_path: Path) -> None:
    """``plates2/`` lies beside ``plates``, not below it.

    Although its path begins with the same letters.
    """
    for name in ("plates/x.tif", "plates2/y.tif"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "plates2" / "more").symlink_to(tmp_path / "plates")
    folder = Folder.listed(str(tmp_path))
    assert list(folder.paths()) == ["plates/x.tif", "plates2/more/x.tif", "plates2/y.tif"]
    assert folder.notes.counts == {}


def test_links_that_are_not_followed_are_noted(tmp_path: Path) -> None:
    """Loops, and links to nothing.

    Loops go over one link or over two; the listed folder is itself a link.
    """
    for name in ("a", "b"):
        (tmp_path / "source" / name).mkdir(parents=True)
        (tmp_path / "source" / name / "x.tif").write_bytes(b"x")
    (tmp_path / "source/a/up").symlink_to(tmp_path / "source")
    (tmp_path / "source/a/other").symlink_to(tmp_path / "source/b")
    (tmp_path / "source/b/other").symlink_to(tmp_path / "source/a")
    (tmp_path / "source/gone.tif").symlink_to(tmp_path / "nowhere.tif")
    (tmp_path / "source/self.tif").symlink_to(tmp_path / "source/self.tif")
    os.mkfifo(tmp_path / "source/pipe.tif")
    (tmp_path / "link").symlink_to(tmp_path / "source")
    folder = Folder.listed(str(tmp_path / "link"))
    assert list(folder.paths()) == ["a/other/x.tif", "a/x.tif", "b/other/x.tif", "b/x.tif"]
    loops = folder.notes.examples["links back to a folder above, not followed"]
    assert sorted(loops) == ["a/other/other", "a/up", "b/other/other", "b/other/up"]
    assert folder.notes.examples["links to nothing"] == ["gone.tif"]
    assert folder.notes.examples["links to themselves"] == ["self.tif"]
    assert folder.notes.examples["pipes and devices, not read"] == ["pipe.tif"]


def test_contents_are_counted_by_kind(tmp_path: Path) -> None:
    for name in ("a/1.czi", "a/2.CZI", "b/x.lif", "s.zarr/0/0.0", "s.zarr/0/1.0", "s.zarr/1/0.0", "README"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert Folder.listed(str(tmp_path)).contents() == "3 files of .zarr, 2 .czi, 1 .lif, 1 without an ending"
    (tmp_path / "empty").mkdir()
    assert Folder.listed(str(tmp_path / "empty")).contents() == "no file"


def test_paths_outside_are_not_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    folder = Folder.listed(str(tmp_path / "in"))
    assert "../secret.csv" not in folder
    with pytest.raises(LayoutError, match="secret"):
        folder.read_bytes("../secret.csv")


def test_file_signatures_change_with_size_and_time(tmp_path: Path) -> None:
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
