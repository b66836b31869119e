"""Versions of remote files.

They tell whether two answers are of one content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import urllib3

_TAGS: Final = ("ETag", "etag", "md5Hash", "content_md5")
_TIMES: Final = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")


class Version(NamedTuple):
    """What identifies a file's content at its server.

    Parameters
    ----------
    tag : its ETag (https://www.rfc-editor.org/rfc/rfc9110#field.etag)
    modified : when it was last modified, as text
    size : its bytes
    """

    tag: str | None
    modified: str | None
    size: int | None

    @property
    def telling(self) -> bool:
        """Whether another content would have another version."""
        return self.tag is not None or self.modified is not None

    def same(self, other: Version) -> bool:
        """Return whether both seem to be of one content."""
        if self.tag is not None and other.tag is not None:
            return self.tag == other.tag
        return self == other


Check = Callable[[Version], None]
"""Raises for a version that is not the expected one."""


def of_answer(answer: urllib3.BaseHTTPResponse) -> Version:
    """Return the version that an HTTP response states."""
    headers = answer.headers
    total = re.search(r"/(\d+)$", headers.get("Content-Range", "")) if answer.status == 206 else None
    size = total[1] if total else headers.get("Content-Length") if answer.status == 200 else None
    return Version(headers.get("ETag"), headers.get("Last-Modified"), int(size) if size and size.isdigit() else None)


def of_file(file_system: Any, name: str) -> Version:
    """Return the version that an fsspec file system states now."""
    try:
        info: Mapping[str, Any] = file_system.info(name, refresh=True)  # of s3fs, which keeps listings
    except TypeError:
        file_system.invalidate_cache()
        info = file_system.info(name)
    tag, modified = (next((str(info[key]) for key in keys if info.get(key)), None) for keys in (_TAGS, _TIMES))
    size = info.get("size")
    return Version(tag, modified, size if isinstance(size, int) else None)
