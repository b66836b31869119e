"""Files of a remote store, through fsspec.

They are published in one step, and asked for again when the network fails.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import uuid
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar, cast

import fsspec

from builder.engine.localfiles import HIDDEN, checked, is_hidden
from builder.engine.retry import RetryingFile, retry_store
from builder.errors import UserError

T = TypeVar("T")

# Systems without rename whose puts are all or nothing: an object appears when its upload is complete.
OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "r2", "hf", "memory"})

_S3 = ("s3", "s3a")
_CONNECTIONS = 64  # at once: as many as a worker reads files ahead


class Remote:
    """The files below one URL of an fsspec file system."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self.url = url
        self._protocol = url.partition("://")[0]
        try:
            self._fs, base = fsspec.core.url_to_fs(url, **_with_limits(self._protocol, options))
        except (ImportError, ValueError) as error:
            raise UserError(f"{url} cannot be opened: {error}") from error
        self._base = base.rstrip("/")
        if self._protocol in _S3:
            self._fs.retries = 1  # s3fs would try five times beneath our attempts, and above botocore's
        self._whole = _whole(self._fs)

    def _path(self, rel: str) -> str:
        return f"{self._base}/{rel}".rstrip("/")

    def _ask(self, rel: str, call: Callable[[], T]) -> T:
        checked(rel)
        self._fs.invalidate_cache()  # other processes write too: a listing of before is no answer
        return retry_store(f"{self.url}/{rel}", call)

    def exists(self, rel: str) -> bool:
        """Return whether there is such a file."""
        return bool(self._ask(rel, lambda: self._fs.isfile(self._path(rel))))

    def size(self, rel: str) -> int:
        """Return a file's bytes."""
        return int(self._ask(rel, lambda: self._fs.info(self._path(rel))["size"]))

    def open(self, rel: str, block: int | None = None) -> BinaryIO:
        """Return a seekable reader whose reads are retried.

        Each read asks for ``block`` bytes more than it needs. None is the file system's own number, of s3fs 50 MB:
        right for who goes through a file, a thousandfold too much for who picks small pieces.
        """
        more = {} if block is None else {"block_size": block, "cache_type": "readahead"}
        file = self._ask(rel, lambda: self._fs.open(self._path(rel), "rb", **more))
        return cast(BinaryIO, RetryingFile(f"{self.url}/{rel}", file))

    def read_bytes(self, rel: str) -> bytes:
        """Return a file's content."""
        return bytes(self._ask(rel, lambda: self._fs.cat_file(self._path(rel), **self._whole)))

    def read_range(self, rel: str, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` to ``end`` (one request).

        Those that a shorter file has; a server may give the whole file.
        """

        def read() -> bytes:
            try:
                return bytes(self._fs.cat_file(self._path(rel), start=start, end=end))
            except Exception as error:  # each file system has errors of its own
                if not _is_behind_the_end(error):
                    raise
                return b""

        return self._ask(rel, read)

    def read_many(self, rels: list[str]) -> dict[str, bytes]:
        """Return the content of those files that exist.

        They are read concurrently where the file system can.
        """
        if not rels:
            return {}
        paths = [self._path(checked(rel)) for rel in rels]
        # cat_ranges and not cat, which takes brackets in a name for a pattern.
        answers = self._ask("", lambda: self._fs.cat_ranges(paths, None, None, on_error="return", **self._whole))
        content: dict[str, bytes] = {}
        for rel, answer in zip(rels, answers, strict=True):
            with contextlib.suppress(FileNotFoundError):  # a failed answer, asked again, may be that there is none
                if not isinstance(answer, FileNotFoundError):
                    content[rel] = self.read_bytes(rel) if isinstance(answer, Exception) else bytes(answer)
        return content

    def facts(self, prefix: str) -> dict[str, dict[str, Any]]:
        """Return file-system facts of non-hidden files, by relative path."""
        top = self._path(prefix.strip("/"))
        found = self._ask(prefix, lambda: self._fs.find(top, detail=True, withdirs=False))
        self._fs.invalidate_cache()
        return {
            rel: facts
            for name, facts in found.items()
            if (rel := name[len(self._base) + 1 :]) and not any(map(is_hidden, rel.split("/")))
        }

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return {relative path: bytes} of non-hidden files below a folder."""
        return {rel: int(facts.get("size") or 0) for rel, facts in self.facts(prefix).items()}

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly below a folder.

        Raises FileNotFoundError where there is no such folder.
        """
        top = self._path(prefix.strip("/"))
        found = self._ask(prefix, lambda: self._fs.ls(top, detail=True))
        self._fs.invalidate_cache()
        inside = [entry for entry in found if entry["name"].rstrip("/") != top]
        if found and not inside:
            raise FileNotFoundError(f"{self.url}/{prefix} is not a folder")
        names = (entry["name"].rstrip("/").rpartition("/")[2] for entry in inside if entry["type"] == "directory")
        return sorted(name for name in names if not name.startswith("."))

    def put(self, local: str, rel: str) -> None:
        """Publish a local file under its name in one step."""
        final = self._path(checked(rel))
        if self._protocol in OBJECT_STORES:
            self._ask(rel, lambda: self._fs.put_file(local, final))
            return
        folder, _, _ = final.rpartition("/")
        hidden = f"{folder}/{HIDDEN}{os.getpid()}-{uuid.uuid4().hex}"
        self._ask(rel, lambda: self._fs.makedirs(folder, exist_ok=True))
        self._ask(rel, lambda: self._fs.put_file(local, hidden))
        self._ask(rel, lambda: self._rename(hidden, final))

    def _rename(self, hidden: str, final: str) -> None:
        try:
            self._fs.mv(hidden, final)
        except OSError:  # servers whose rename does not replace: the name is absent for a moment, never half there
            if not self._fs.exists(final) or not self._fs.exists(hidden):
                raise
            self._fs.rm_file(final)
            self._fs.mv(hidden, final)

    def delete(self, rel: str) -> None:
        """Remove a file if it exists."""
        if self.exists(rel):
            self._ask(rel, lambda: self._fs.rm_file(self._path(rel)))

    def clean(self) -> int:
        """Remove hidden files of earlier runs; object stores have none."""
        if self._protocol in OBJECT_STORES:
            return 0
        names = [name for name in self._ask("", lambda: self._fs.find(self._base)) if f"/{HIDDEN}" in name]
        for name in names:
            self._ask(name[len(self._base) + 1 :], functools.partial(self._fs.rm_file, name))
        return len(names)


def _whole(system: Any) -> dict[str, int]:
    """Return the arguments that read a file by one request.

    Newer s3fs asks for its size first, to read large ones in pieces.
    """
    asks_first = "max_concurrency" in inspect.signature(getattr(system, "_cat_file", system.cat_file)).parameters
    return {"max_concurrency": 1} if asks_first else {}


_NO_SUCH_RANGE = ("InvalidRange", "range is not satisfiable")


def _is_behind_the_end(error: Exception) -> bool:
    """Return whether a file ends before the range."""
    return getattr(error, "status", None) == 416 or any(words in str(error) for words in _NO_SUCH_RANGE)


def _with_limits(protocol: str, options: dict[str, Any]) -> dict[str, Any]:
    """Give S3 time limits shorter than an image's.

    A dead network then ends the run instead of rejecting images.
    """
    if protocol not in _S3:
        return options
    limits = {"connect_timeout": 10, "read_timeout": 30, "retries": {"max_attempts": 3, "mode": "standard"}}
    limits["max_pool_connections"] = _CONNECTIONS
    configured = fsspec.config.conf.get(protocol, {}).get("config_kwargs", {})  # what is given here would replace it
    return {**options, "config_kwargs": {**limits, **configured, **options.get("config_kwargs", {})}}
