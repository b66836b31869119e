"""Downloads from a server on loopback: cut, busy, wrong.

And archives whose paths lead outside.
"""

from __future__ import annotations

import bz2
import dataclasses
import errno
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from builder import sources
from builder.cli import main
from builder.download import transfer
from builder.download.download import RECORD, download
from builder.download.unpack import unpack
from builder.download.wanted import Wanted, commands_for, wanted_files
from builder.errors import UserError
from builder.sources import all_sources, get_source
from builder.sources.base import Download
from tests.download.server import Behaviour, serving

CONTENT = random.Random(0).randbytes(50_000)


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def url(behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(transfer, "BLOCK", 10_000)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(behaviour) as place:
        yield place


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def one(url: str, name: str, sha256: str = "") -> Wanted:
    return Wanted("bbbc013", f"{url}/{name}", name, None, sha256)


def test_a_file_comes_whole_through_cuts_and_busy_answers(behaviour: Behaviour, url: str, tmp_path: Path) -> None:
    behaviour.files["/a.bin"] = CONTENT
    behaviour.cuts["/a.bin"], behaviour.busy["/a.bin"] = 2, 2
    (found,) = download([one(url, "a.bin")], tmp_path)
    assert (tmp_path / "bbbc013/a.bin").read_bytes() == CONTENT
    assert (found["bytes"], found["sha256"], found["fresh"]) == (50_000, hashlib.sha256(CONTENT).hexdigest(), True)
    assert json.loads((tmp_path / "bbbc013" / RECORD).read_bytes())[f"{url}/a.bin"]["sha256"] == found["sha256"]
    assert [path.name for path in (tmp_path / "bbbc013").iterdir() if "part" in path.name] == []
    behaviour.asked.clear()
    (again,) = download([one(url, "a.bin")], tmp_path)
    assert (again["fresh"], behaviour.asked) == (False, [])


def test_an_interrupted_download_goes_on(behaviour: Behaviour, url: str, tmp_path: Path) -> None:
    behaviour.files["/a.bin"] = CONTENT
    done = []

    def stop(count: int) -> None:
        done.append(count)
        if len(done) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer.fetch(f"{url}/a.bin", tmp_path / "a.bin", on_bytes=stop)
    assert (tmp_path / "a.bin.part").stat().st_size == 30_000
    behaviour.asked.clear()
    transfer.fetch(f"{url}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert [asked for method, asked in behaviour.asked if method == "GET" and asked] == [
        "bytes=30000-39999",
        "bytes=40000-49999",
    ]


def test_another_file_of_that_name_is_not_continued(behaviour: Behaviour, url: str, tmp_path: Path) -> None:
    behaviour.files["/a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(b"of an older version")
    (tmp_path / "a.bin.part.json").write_text(json.dumps({"url": f"{url}/a.bin", "size": 7, "etag": '"0"'}))
    transfer.fetch(f"{url}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_is_read_in_one(behaviour: Behaviour, url: str, tmp_path: Path) -> None:
    behaviour.files["/a.bin"] = CONTENT
    behaviour.no_ranges.add("/a.bin")
    assert transfer.fetch(f"{url}/a.bin", tmp_path / "a.bin").bytes == 50_000


def _page(behaviour: Behaviour) -> None:
    behaviour.files["/a.zip"] = b"\n<!DOCTYPE html><html>Please log in" + b" " * 500


def _missing(behaviour: Behaviour) -> None:
    behaviour.files.pop("/a.zip", None)


def _no_zip(behaviour: Behaviour) -> None:
    behaviour.files["/a.zip"] = CONTENT


@pytest.mark.parametrize(
    ("prepare", "says"), [(_page, "a web page in place of the file"), (_missing, "is not there"), (_no_zip, "unpacked")]
)
def test_what_is_no_archive_is_said(
    prepare: Callable[[Behaviour], None], says: str, behaviour: Behaviour, url: str, tmp_path: Path
) -> None:
    prepare(behaviour)
    behaviour.files["/b.bin"] = CONTENT
    with pytest.raises(UserError, match=says):
        download([one(url, "a.zip"), one(url, "b.bin")], tmp_path)
    assert (tmp_path / "bbbc013/b.bin").read_bytes() == CONTENT  # the others are there
    assert not (tmp_path / "bbbc013/a").exists()


@pytest.mark.parametrize(
    ("stated", "ranges", "says"),
    [
        (60_000, True, "gave 0 of 10,000 bytes from 50,000 on"),
        (55_000, True, "gave 0 of 5,000 bytes from 50,000 on"),
        (60_000, False, "gave 50,000 bytes; it states 60,000"),
        (40_000, False, "gave 50,000 bytes; it states 40,000"),
    ],
)
def test_another_size_than_stated_is_no_whole_file(
    behaviour: Behaviour, url: str, tmp_path: Path, stated: int, ranges: bool, says: str
) -> None:
    behaviour.files["/a.bin"], behaviour.sizes["/a.bin"] = CONTENT, stated
    if not ranges:
        behaviour.no_ranges.add("/a.bin")
    with pytest.raises(UserError, match=f"{says}.*[Rr]un the same command again"):
        download([one(url, "a.bin")], tmp_path)
    assert not (tmp_path / "bbbc013/a.bin").exists()
    assert not (tmp_path / "bbbc013" / RECORD).exists()
    behaviour.sizes.clear()  # the server is mended
    behaviour.no_ranges.clear()
    download([one(url, "a.bin")], tmp_path)
    assert (tmp_path / "bbbc013/a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(("option", "files"), [(["--plates", "2"], 11), (["--only-metadata"], 1)])
def test_the_command_takes_a_part(option: list[str], files: int, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["download", "bbbc022", str(tmp_path), "--dry-run", *option])
    assert done.exit_code == 0, done.output
    assert f"{files} files" in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_known_hash_is_compared(behaviour: Behaviour, url: str, tmp_path: Path) -> None:
    behaviour.files["/a.bin"] = CONTENT
    with pytest.raises(UserError, match="it was changed or damaged"):
        transfer.fetch(f"{url}/a.bin", tmp_path / "a.bin", "0" * 64)
    assert list(tmp_path.iterdir()) == []
    transfer.fetch(f"{url}/a.bin", tmp_path / "a.bin", hashlib.sha256(CONTENT).hexdigest())


def test_archives_are_unpacked_once(behaviour: Behaviour, url: str, tmp_path: Path) -> None:
    behaviour.files["/P1.zip"] = zipped(**{"x/A01.tif": b"one", "x/A02.tif": b"two"})
    (found,) = download([one(url, "P1.zip")], tmp_path)
    assert found["files"] == 2
    assert (tmp_path / "bbbc013/P1/x/A01.tif").read_bytes() == b"one"
    assert not (tmp_path / "bbbc013/P1.zip").exists()
    assert download([one(url, "P1.zip")], tmp_path)[0]["fresh"] is False


def _tar(name: str, **facts: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = 3 if "type" not in facts else 0
        for key, value in facts.items():
            setattr(info, key, value)
        archive.addfile(info, io.BytesIO(b"bad") if info.size else None)
    return out.getvalue()


def _long_tar() -> bytes:
    """An uncompressed archive of a long file of random bytes."""
    content, out = np.random.default_rng(0).bytes(200_000), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("x")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _flipped(content: bytes) -> bytes:
    """Return bytes of which some in the middle are others."""
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 64]) + content[middle + 64 :]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.zip", zipped(**{"ok.tif": b"1", "../out.tif": b"2"}), "leads out of its folder"),
        ("a.zip", zipped(**{"/etc/out": b"2"}), "leads out of its folder"),
        ("a.zip", zipped(**{"C:\\out.tif": b"2"}), "leads out of its folder"),
        ("a.tar.gz", _tar("../../out.tif"), "leads out of its folder"),
        ("a.tar.gz", _tar("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a link or device"),
        ("a.tar.gz", _tar("device", type=tarfile.CHRTYPE), "a link or device"),
        ("a.zip", zipped(**{"x": b"1"})[:-10], "cannot be unpacked"),
        ("a.tar.gz", _tar("x")[:40], "cannot be unpacked"),
        ("a.tar.gz", _flipped(gzip.compress(_long_tar())), "cannot be unpacked"),
        ("a.tar.xz", _flipped(lzma.compress(_long_tar())), "cannot be unpacked"),
        ("a.tar.bz2", _flipped(bz2.compress(_long_tar())), "cannot be unpacked"),
        ("a.zip", zipped(**{"x": b"1", "x/y": b"2"}), "cannot be unpacked"),
        ("a.zip", zipped(**{"x" * 300: b"1"}), "cannot be unpacked"),
    ],
)
def test_archives_that_climb_or_are_damaged_leave_nothing(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    with pytest.raises(UserError, match=says):
        unpack(tmp_path / "in" / name, tmp_path / "in/a")
    assert [path.name for path in (tmp_path / "in").iterdir()] == [name]
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
def test_a_fault_of_the_machine_is_none_of_the_archive(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A full disk is no reason to remove an archive."""
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped(**{"x": b"1"}))

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("builder.download.unpack._copy", fail)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as failed:
        unpack(archive, tmp_path / "a")
    assert failed.value.errno == number
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_every_source_can_be_had_or_says_how() -> None:
    for source in all_sources():
        assert wanted_files(source) or commands_for(source, "DATA"), source.dir_name
    assert commands_for(get_source("kag_hpa"), "DATA")[1:3] == [
        "kaggle competitions download -c human-protein-atlas-image-classification -f train.zip -p DATA/kag_hpa",
        "kaggle competitions download -c human-protein-atlas-image-classification -f test.zip -p DATA/kag_hpa",
    ]
    assert commands_for(get_source("kag_leukemia"), "DATA")[1] == (
        "kaggle datasets download -d andrewmvd/leukemia-classification -p DATA/kag_leukemia"
    )
    (line,) = commands_for(get_source("idr0016"), "DATA")
    assert line.startswith("wget --recursive")
    assert "--cut-dirs=4 --directory-prefix=DATA/idr0016 https://ftp.ebi.ac.uk/" in line


@pytest.mark.parametrize(("name", "archives"), [("bbbc022", 10), ("bbbc025", 10), ("bbbc017", 2)])
def test_a_part_of_a_source_is_its_first_plates(name: str, archives: int) -> None:
    source = get_source(name)
    some, whole = wanted_files(source, plates=2), wanted_files(source)
    assert sum(not one.table for one in some) == archives
    assert {one for one in whole if one.table} <= {*some} < {*whole}
    assert all(one.table for one in wanted_files(source, only_metadata=True))
    with pytest.raises(UserError, match="no archive a plate"):
        wanted_files(get_source("bbbc013"), plates=1)


def test_the_command_says_terms_first_and_fetches(
    behaviour: Behaviour, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour.files["/images.zip"] = zipped(**{"A01.bmp": b"1"})
    source = dataclasses.replace(get_source("bbbc013"), downloads=(Download(f"{url}/images.zip", 100),))
    monkeypatch.setattr(sources, "get_source", lambda name: source)
    dry = CliRunner().invoke(main, ["download", "bbbc013", str(tmp_path), "--dry-run"])
    assert (dry.exit_code, list(tmp_path.iterdir())) == (0, [])
    assert source.license.name in dry.output
    assert "1 files, 100 B" in dry.output
    done = CliRunner().invoke(main, ["download", "bbbc013", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "bbbc013/images/A01.bmp").read_bytes() == b"1"
    assert "cytoimagenet build" in done.output
