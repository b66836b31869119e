"""Bounded streaming readers for gzip, xz, Zstandard and zip tables."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, Protocol, cast

import pyarrow as pa

_KINDS: Final = {".gz": "gzip", ".zip": "zip", ".xz": "xz", ".zst": "Zstandard"}
PACKED: Final = tuple(_KINDS)
"""Endings of packed tables, in the order of preference."""

MAX_UNPACKED: Final = 2 << 30
"""Most bytes of one table, unpacked: fifteen times the largest of the 40 sources (idr0088, 132 MB)."""
MAX_LINE: Final = 16 << 20
"""Most characters of one line, and of one row of a table, which may go over several lines."""


class DamagedError(Exception):
    """A file that is damaged or larger than any table.

    The message does not name the file.
    """


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


def plain_name(name: str) -> str:
    """Strip the compression suffix: ``table.csv.zip`` becomes ``table.csv``."""
    for ending in PACKED:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def unpacked(name: str, file: BinaryIO) -> BinaryIO:
    """Return a reader of the decompressed contents of a file.

    A file that is not packed is read as it is. The reader raises ``DamagedError`` on failure.

    Parameters
    ----------
    name : of the file; its ending says how it is packed
    file : seekable, closed with the reader
    """
    return io.BufferedReader(_Unpacked(name, file), 1 << 18)


def text_lines(stream: BinaryIO) -> Iterator[tuple[str, bool]]:
    """Yield each line and whether it was decoded as Latin-1.

    Lines keep their ends (LF, CR LF or CR); Latin-1 is for lines that are not valid UTF-8.

    Raises
    ------
    DamagedError
        For a line of more than ``MAX_LINE`` characters.
    """
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise DamagedError(f"a line has more than {MAX_LINE:,} characters")
        foreign = not line.isascii() and not _is_unicode(line)
        yield line.encode("utf-8", "surrogateescape").decode("latin-1") if foreign else line, foreign


def _is_unicode(line: str) -> bool:
    """Return whether a line has no surrogates from undecodable bytes."""
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Unpacked(io.RawIOBase):
    """A byte-counting raw reader separating damaged files from disk failures."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._file = file
        self._given = 0
        self._name = name
        self._inner: _Reader | None = None  # opened at the first read, so that damage is met in one place

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        try:
            if self._inner is None:
                self._inner = _opened(self._name, self._file)
            data = self._inner.read(len(view))
        except OSError as error:
            if error.errno is not None:  # of the disk or the network, not of the unpacker
                raise
            raise DamagedError(f"not a whole {_kind(self._name)} file ({error})") from None
        except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowInvalid) as error:
            raise DamagedError(f"not a whole {_kind(self._name)} file ({error})") from None
        except (NotImplementedError, RuntimeError) as error:  # zip: an unknown method, a password
            raise DamagedError(f"a zip file that cannot be unpacked ({error})") from None
        self._given += len(data)
        if self._given > MAX_UNPACKED:
            raise DamagedError(f"more than {MAX_UNPACKED:,} bytes, which no table of a source has")
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _kind(name: str) -> str:
    return _KINDS.get(PurePosixPath(name).suffix.lower(), "readable")


def _opened(name: str, file: BinaryIO) -> _Reader:
    ending = PurePosixPath(name).suffix.lower()
    if ending == ".gz":
        return gzip.GzipFile(fileobj=file)
    if ending == ".xz":
        return lzma.LZMAFile(file)
    if ending == ".zst":
        return cast(_Reader, pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"))
    if ending == ".zip":
        return _member(name, zipfile.ZipFile(file))
    return file


def _member(name: str, archive: zipfile.ZipFile) -> _Reader:
    """Return the archive's like-named member, else its only one."""
    files = [member for member in archive.infolist() if not member.is_dir() and not _is_dropping(member.filename)]
    wanted = plain_name(PurePosixPath(name).name).lower()
    named = [member for member in files if PurePosixPath(member.filename).name.lower() == wanted]
    if len(named or files) != 1:
        found = ", ".join(member.filename for member in files[:3]) or "nothing"
        raise DamagedError(f"a zip file should hold {wanted}; found {found}")
    return cast(_Reader, archive.open((named or files)[0]))


def _is_dropping(name: str) -> bool:
    return any(part == "__MACOSX" or part.startswith(".") for part in PurePosixPath(name).parts)
