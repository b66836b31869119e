"""Files of a local store, published by renaming.

They are written under a hidden name in the same folder first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from builder.errors import UserError

HIDDEN = ".tmp-"
ZARR_METADATA = frozenset((".zarray", ".zattrs", ".zgroup", ".zmetadata"))
"""Names with a dot that are listed nonetheless: without them a Zarr store says nothing."""
_DAY = 86_400.0
_unpublished: set[str] = set()
_tidied: set[Path] = set()


def is_hidden(name: str) -> bool:
    """Return whether files of this name are not listed."""
    return name.startswith(".") and name not in ZARR_METADATA


def checked(rel: str) -> str:
    """Return the path if it stays below the store."""
    if rel.startswith("/") or ".." in rel.split("/"):
        raise ValueError(f"{rel!r} leaves the store")
    return rel


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that replaces the path on success.

    It vanishes where the block does not end cleanly.
    """
    hidden = path.parent / _hidden_name()
    opened = _created(hidden)
    _unpublished.add(str(hidden))
    try:
        with opened as file:
            yield file
            if not file.closed:
                file.flush()
                os.fsync(file.fileno())  # else a power cut may leave an empty file under the final name
        hidden.replace(path)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise
    finally:
        _unpublished.discard(str(hidden))


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new temporary folder, removed on cleanup.

    Those of killed processes are removed now.

    Raises
    ------
    UserError
        Where there is no place for temporary files.
    """
    folder = spool_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _tidy(folder)
        return tempfile.TemporaryDirectory(prefix=f"{_hidden_prefix()}-", dir=folder, ignore_cleanup_errors=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written to: {error.strerror}; set TMPDIR to another place") from error


@contextlib.contextmanager
def spooled() -> Iterator[tuple[BinaryIO, Path]]:
    """Yield a new temporary file and its path.

    It lasts for the block; those of killed processes are removed as well.
    """
    path = spool_folder() / _hidden_name()
    with contextlib.suppress(OSError):  # said by _created
        path.parent.mkdir(mode=0o700, exist_ok=True)
    opened = _created(path)
    _unpublished.add(str(path))
    try:
        with opened as file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)
        _unpublished.discard(str(path))


def spool_folder() -> Path:
    """Return the folder of this user's temporary files.

    It holds what waits to be published remotely, notes of workers, and logs.
    """
    return Path(tempfile.gettempdir(), f"cytoimagenet-spool-{os.getuid() if hasattr(os, 'getuid') else ''}")


def _hidden_prefix() -> str:
    return f"{HIDDEN}{platform.node()}-{os.getpid()}"


def _hidden_name() -> str:
    return f"{_hidden_prefix()}-{uuid.uuid4().hex}"


def _created(hidden: Path) -> BinaryIO:
    try:
        hidden.parent.mkdir(parents=True, exist_ok=True)
        _tidy(hidden.parent)
        return hidden.open("xb")
    except OSError as error:
        if is_full(error):
            raise
        raise UserError(f"{hidden.parent} cannot be written to: {error.strerror}; name another place") from error


def _tidy(folder: Path) -> None:
    """Remove what killed processes left in a folder.

    This happens when this process first writes there. What was being written is not done, so the next run writes there
    again.
    """
    if folder not in _tidied:
        _tidied.add(folder)
        for hidden in folder.glob(f"{HIDDEN}*"):
            if not _is_abandoned(hidden):
                continue
            if hidden.is_dir():
                shutil.rmtree(hidden, ignore_errors=True)
            else:
                hidden.unlink(missing_ok=True)


def discard_unpublished() -> None:
    """Remove the files that this process is writing.

    For a process that is told to end at once.
    """
    for hidden in tuple(_unpublished):
        Path(hidden).unlink(missing_ok=True)


def sizes(root: Path, prefix: str) -> dict[str, int]:
    """Return {relative path: bytes} of non-hidden files below a folder."""
    found: dict[str, int] = {}
    pending = [prefix.strip("/")]
    while pending:
        below = pending.pop()
        try:
            entries = os.scandir(root / below)
        except (FileNotFoundError, NotADirectoryError):
            continue
        with entries:
            for entry in entries:
                if is_hidden(entry.name):
                    continue
                rel = f"{below}/{entry.name}".lstrip("/")
                if entry.is_dir():
                    if not entry.is_symlink() or not _leads_back(Path(entry.path)):
                        pending.append(rel)
                else:
                    with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                        found[rel] = entry.stat().st_size
    return found


def _leads_back(link: Path) -> bool:
    """Return whether a link leads to a folder above itself."""
    return link.resolve() in link.parent.resolve().joinpath("x").parents


def clean(root: Path) -> int:
    """Remove hidden files whose process is gone.

    Those of other machines are removed when they are a day old.
    """
    removed = 0
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(HIDDEN) and _is_abandoned(Path(folder, name)):
                Path(folder, name).unlink(missing_ok=True)
                removed += 1
    return removed


def _is_abandoned(path: Path) -> bool:
    node, _, pid = path.name.removeprefix(HIDDEN).rpartition("-")[0].rpartition("-")
    if node == platform.node() and pid.isdigit() and os.name != "nt":
        return not _is_running(int(pid))
    try:  # of another machine, or of Windows, where signal 0 would end the process: the age decides
        return time.time() - path.stat().st_mtime > _DAY
    except FileNotFoundError:
        return False


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Return whether a process is a zombie.

    Linux only: False elsewhere.
    """
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] in ("Z", "X")


def is_full(error: OSError) -> bool:
    """Return whether an error reports exhausted space or quota."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
