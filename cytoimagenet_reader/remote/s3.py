"""Byte ranges of S3 objects, with the versions stated.

``cat_file`` of s3fs, as of every fsspec file system, gives only the bytes: the version would take another request.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from fsspec.asyn import sync

from cytoimagenet_reader.remote.versions import Version


def is_s3(file_system: Any) -> bool:
    """Return whether a file system is that of s3fs."""
    s3fs = sys.modules.get("s3fs")
    return s3fs is not None and isinstance(file_system, s3fs.S3FileSystem)


def read_range(file_system: Any, name: str, start: int, end: int, seconds: float) -> tuple[bytes, Version]:
    """Return a range's bytes and their version.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html. Raises what s3fs raises, and TimeoutError after
    ``seconds``.

    Parameters
    ----------
    start, end : of the range, which ends before ``end``
    """
    found: tuple[bytes, Version] = sync(file_system.loop, _read_range, file_system, name, start, end, timeout=seconds)
    return found


async def _read_range(file_system: Any, name: str, start: int, end: int) -> tuple[bytes, Version]:
    bucket, key, version = file_system.split_path(name)
    wanted = {"Bucket": bucket, "Key": key, "Range": f"bytes={start}-{end - 1}", **file_system.req_kw}
    answer = await file_system._call_s3("get_object", **wanted, **({"VersionId": version} if version else {}))
    async with answer["Body"] as body:
        data: bytes = await body.read()
    total = re.search(r"/(\d+)$", answer.get("ContentRange", ""))
    modified = answer.get("LastModified")
    return data, Version(answer.get("ETag"), str(modified) if modified else None, int(total[1]) if total else None)
