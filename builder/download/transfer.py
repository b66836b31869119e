"""Resumable transfer of a file over HTTP."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import fsspec

from builder.engine.retry import retry_store
from builder.errors import UserError

BLOCK: Final = 8 << 20
_PAGES: Final = (".htm", ".html")


class Fetched(NamedTuple):
    """Facts of a fetched file."""

    bytes: int
    sha256: str


def fetch(url: str, target: Path, sha256: str = "", on_bytes: Callable[[int], object] = lambda count: None) -> Fetched:
    """Fetch a file, resuming where it was cut.

    What there is of it lies in ``target`` with ``.part`` at its end, and is named ``target`` once it is whole.

    Raises
    ------
    UserError
        Where the server gives a web page in place of the file, another size than it states, or content of another
        hash than is known; the first and last remove what was fetched.
    StoreError
        Where it keeps failing.
    """
    files = fsspec.filesystem("http", client_kwargs={"trust_env": True}, skip_instance_cache=True)
    try:
        stated: dict[str, Any] = retry_store(url, lambda: files.info(url))
    except FileNotFoundError:
        raise UserError(
            f"{url} is not there; has it moved? `cytoimagenet sources` has the page of its source"
        ) from None
    size = stated.get("size")
    part, facts = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")
    known = {"url": url, "size": size, "etag": stated.get("ETag")}
    if not part.exists() or not facts.exists() or json.loads(facts.read_text("utf-8")) != known:
        part.write_bytes(b"")
        facts.write_text(json.dumps(known), "utf-8")
    if not size or stated.get("partial") is False or not _in_blocks(files, url, part, size, on_bytes):
        _in_one(files, url, part, on_bytes)
    found = _facts_of(part)
    if size is not None and found.bytes != size:
        raise UserError(f"{url} gave {found.bytes:,} bytes; it states {size:,}. Run the same command again")
    if (problem := _page(target.name, part)) or (sha256 and found.sha256 != sha256):
        part.unlink()
        facts.unlink()
        raise UserError(f"{url} {problem or f'has the sha256 {found.sha256}, not {sha256}: it was changed or damaged'}")
    part.replace(target)
    facts.unlink()
    return found


def _in_blocks(files: Any, url: str, part: Path, size: int, on_bytes: Callable[[int], object]) -> bool:
    """Fetch what is missing; False where ranges are unknown."""
    done = part.stat().st_size
    if done > size:
        part.write_bytes(b"")
        done = 0
    on_bytes(done)

    def block(start: int, end: int) -> bytes | None:
        with files.open(url, "rb", block_size=BLOCK, cache_type="none", size=size) as file:
            file.seek(start)
            try:
                return bytes(file.read(end - start))
            except ValueError:  # more than was asked for: fsspec does not read on
                return None

    with part.open("ab") as out:
        while done < size:
            end = min(done + BLOCK, size)
            found = retry_store(url, functools.partial(block, done, end))
            if found is None:
                return False
            if len(found) != end - done:
                raise UserError(
                    f"{url} gave {len(found):,} of {end - done:,} bytes from {done:,} on; run the same command again"
                )
            out.write(found)
            out.flush()
            done = end
            on_bytes(len(found))
    return True


def _in_one(files: Any, url: str, part: Path, on_bytes: Callable[[int], object]) -> None:
    """Fetch from a server without ranges or sizes."""

    def stream() -> None:
        with files.open(url, "rb", block_size=0) as content, part.open("wb") as out:
            while block := content.read(1 << 20):
                out.write(block)
                on_bytes(len(block))

    retry_store(url, stream)


def _facts_of(path: Path) -> Fetched:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return Fetched(path.stat().st_size, digest.hexdigest())


def _page(name: str, part: Path) -> str:
    """Return what is wrong if a web page came."""
    with part.open("rb") as file:
        begin = file.read(512).lstrip().lower()
    if begin.startswith((b"<!doctype html", b"<html")) and not name.lower().endswith(_PAGES):
        return "gives a web page in place of the file: it asks for a login or a consent, or has moved"
    return ""
