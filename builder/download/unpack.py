"""Archives unpacked within their folder, or refused whole."""

from __future__ import annotations

import errno
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, NamedTuple

from builder.errors import UserError

_ZIP: Final = (".zip",)
_TAR: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_DAMAGED: Final = (
    *(zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError),
    *(NotImplementedError, RuntimeError),  # of zipfile: an unknown method, a password
)
_OF_NAMES: Final = (errno.EEXIST, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTDIR)
"""What the system says of names in an archive that it cannot give to files."""
_BLOCK: Final = 1 << 20


class _Member(NamedTuple):
    name: str
    size: int
    content: BinaryIO


def is_archive(name: str) -> bool:
    """Return whether a file is unpacked; packed tables stay packed."""
    lower = name.lower()
    return lower.endswith(_TAR) or (lower.endswith(_ZIP) and not lower.endswith((".csv.zip", ".txt.zip")))


def unpack(archive: Path, folder: Path) -> int:
    """Unpack an archive into a folder; return its file count.

    The folder is there when all is unpacked, or not at all.

    Raises
    ------
    UserError
        For a damaged archive; a member that is a link or device, lies outside the folder, or comes twice; one that
        holds more than it says; too little room on the disk. Nothing of such an archive stays.
    """
    making = folder.with_name(f".unpacking-{folder.name}")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        count = 0
        for member in _members(archive):
            target = making / _checked(archive, member.name)
            if target.exists():
                raise UserError(f"{archive} holds {member.name!a} twice; nothing of it is kept")
            _room(archive, making, member.size)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                _copy(archive, member, out)
            count += 1
        shutil.rmtree(folder, ignore_errors=True)
        making.replace(folder)
    except (*_DAMAGED, OSError) as error:
        if getattr(error, "errno", None) not in (None, *_OF_NAMES):
            raise  # of the disk or the network: the archive may be whole
        raise UserError(f"{archive} cannot be unpacked ({error}); remove it, and run the same command again") from None
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return count


def _members(archive: Path) -> Iterator[_Member]:
    if archive.name.lower().endswith(_ZIP):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                mode = info.external_attr >> 16
                if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise UserError(f"{archive} holds {info.filename!a}, a link or device; nothing of it is kept")
                if not info.is_dir():
                    with packed.open(info) as content:
                        yield _Member(info.filename, info.file_size, content)  # type: ignore[arg-type]
        return
    with tarfile.open(archive) as packed_tar:
        for entry in packed_tar:
            if entry.isdir():
                continue
            file = packed_tar.extractfile(entry) if entry.isreg() else None
            if file is None:
                raise UserError(f"{archive} holds {entry.name!a}, a link or device; nothing of it is kept")
            yield _Member(entry.name, entry.size, file)  # type: ignore[arg-type]
        while packed_tar.fileobj is not None and packed_tar.fileobj.read(_BLOCK):
            continue  # the checksum of gzip or xz stands behind what tarfile reads


def _checked(archive: Path, name: str) -> PurePosixPath:
    """Return a member's path below the folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0] or "\0" in name:
        raise UserError(f"{archive} holds {name!a}, which leads out of its folder; nothing of it is kept")
    return path


def _room(archive: Path, folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(
            f"{archive} needs {size:,} bytes for one file; {free:,} are free. "
            "Free some space and run the same command again"
        )


def _copy(archive: Path, member: _Member, out: BinaryIO) -> None:
    """Copy a member of just the stated size."""
    left = member.size
    while block := member.content.read(min(_BLOCK, left + 1)):
        left -= len(block)
        if left < 0:
            raise UserError(f"{archive} holds more of {member.name!a} than it says; nothing of it is kept")
        out.write(block)
    if left:
        raise UserError(f"{archive} holds less of {member.name!a} than it says; nothing of it is kept")
