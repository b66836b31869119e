"""The place of a package, and the version read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

from cytoimagenet_reader import layout
from cytoimagenet_reader.remote.files import forget_listings, read_content, read_files, read_version
from cytoimagenet_reader.remote.versions import Version

_HUB_PLACE: Final = re.compile(r"^(hf://datasets/[^/@]+/[^/@]+)(?:@(?:refs/(?:pr|convert)/[^/]+|[^/]+))?(?=/|$)")


class Origin:
    """Where a package is read from.

    Parameters
    ----------
    place : a folder or a URL
    storage_options : for the file system of the URL; or one such mapping per protocol, as ``datasets`` passes them

    Attributes
    ----------
    commit : of a hub, from which everything is read, so that it cannot change
    """

    def __init__(self, place: str, storage_options: Mapping[str, Any] | None) -> None:
        self.place = place.rstrip("/") if "://" in place else os.path.abspath(os.path.expanduser(place))
        self.storage_options = _options_of(self.place, storage_options or {})
        self.commit: str | None = None
        self._manifest: Version | None = None
        if not is_local(self.place):
            forget_listings(self.place, self.storage_options)

    def url(self, path: str) -> str:
        """Return where a file of the package is."""
        place = self.place if self.commit is None else _HUB_PLACE.sub(rf"\1@{self.commit}", self.place)
        return f"{place}/{path}"

    def read(self, path: str) -> bytes:
        """Return a small file's bytes."""
        return read_content(self.url(path), self.storage_options).data

    def read_facts(self) -> tuple[bytes, bytes]:
        """Return the bytes of manifest and class list.

        On a hub, both of one commit, from which everything else is read too.

        Raises
        ------
        FileNotFoundError
            Where there is no package.
        """
        urls = [self.url(name) for name in (layout.MANIFEST, layout.CLASSES)]
        manifest, classes = read_files(urls, self.storage_options)
        self._manifest = manifest.version
        if self.place.startswith("hf://") and manifest.commit is not None:
            self.commit = manifest.commit
            if classes.commit != manifest.commit:
                return manifest.data, self.read(layout.CLASSES)
        return manifest.data, classes.data

    def surely_unchanged(self) -> bool:
        """Return whether the manifest surely is the one read.

        False where only its content can tell.
        """
        if self.commit is not None:
            return True
        known = self._manifest
        if known is None or not known.telling or is_local(self.place):
            return False
        return known.same(read_version(self.url(layout.MANIFEST), self.storage_options))


def is_local(place: str) -> bool:
    """Return whether a place is local, not a URL."""
    return "://" not in place or place.startswith("file://")


def _options_of(place: str, options: Mapping[str, Any]) -> dict[str, Any]:
    own = options.get(place.partition("://")[0])
    if isinstance(own, Mapping):
        return dict(own)
    return {name: value for name, value in options.items() if not isinstance(value, Mapping) or name == "client_kwargs"}
