"""Small files of any fsspec file system, read whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import fsspec
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from cytoimagenet_reader.parquet_checks import open_parquet
from cytoimagenet_reader.remote.http import answer_of
from cytoimagenet_reader.remote.places import Location
from cytoimagenet_reader.remote.ranges import RangeFile
from cytoimagenet_reader.remote.retrying import retrying
from cytoimagenet_reader.remote.versions import Version, of_answer, of_file


class Content(NamedTuple):
    """A small file's bytes.

    Parameters
    ----------
    version : of these bytes, or of those that they replaced just then
    commit : that a hub read them from
    """

    data: bytes
    version: Version
    commit: str | None = None


def read_content(url: str, storage_options: Mapping[str, Any]) -> Content:
    """Return the content of a small file."""
    location = Location(url, storage_options)

    def over_http() -> Content:
        with answer_of(location) as answer:
            return Content(answer.read(), of_answer(answer), location.commit)

    def by_fsspec() -> Content:
        version = of_file(file_system, name)
        return Content(file_system.cat_file(name), version)

    if location.direct:
        return retrying(over_http, url)
    file_system, name = fsspec.core.url_to_fs(url, **storage_options)
    return retrying(by_fsspec, url)


def read_version(url: str, storage_options: Mapping[str, Any]) -> Version:
    """Return the version that a file has now."""
    location = Location(url, storage_options)

    def over_http() -> Version:
        with answer_of(location, 0, 0) as answer:
            return of_answer(answer)

    if location.direct:
        return retrying(over_http, url)
    file_system, name = fsspec.core.url_to_fs(url, **storage_options)
    return retrying(lambda: of_file(file_system, name), url)


def read_files(urls: Sequence[str], storage_options: Mapping[str, Any]) -> list[Content]:
    """Return the contents of small files, requested concurrently.

    It takes one round trip for all.
    """
    with ThreadPoolExecutor(len(urls), "small files") as threads:
        return list(threads.map(lambda url: read_content(url, storage_options), urls))


def forget_listings(url: str, storage_options: Mapping[str, Any]) -> None:
    """Have a file system look anew at what is there.

    fsspec keeps sizes of files, also of one that was replaced. What is read over HTTP here does not ask it.
    """
    if Location(f"{url}/any", storage_options).direct:
        return
    file_system, _ = fsspec.core.url_to_fs(url, **storage_options)
    file_system.invalidate_cache()


def read_columns(url: str, storage_options: Mapping[str, Any], columns: list[str]) -> pa.Table:
    """Return some columns of a package's Parquet file, checked.

    Raises
    ------
    ShardError
        Where it cannot be read.
    """
    file_system, name = fsspec.core.url_to_fs(url, **storage_options)

    def attempt() -> pa.Table:
        if isinstance(file_system, LocalFileSystem):
            with pa.memory_map(name) as source, open_parquet(source) as file:
                return file.read(range(len(file.rows)), columns)
        file_system.invalidate_cache()  # of sizes of files that were replaced
        ranges = RangeFile(url, storage_options, file_system.size(name))
        with ranges, ranges.parquet_source() as source, open_parquet(source) as file:
            ranges.hold(file.byte_ranges(range(len(file.rows)), columns))
            return file.read(range(len(file.rows)), columns)

    return retrying(attempt, url)
