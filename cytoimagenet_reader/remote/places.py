"""Addresses of the bytes of a URL, redirects included."""

from __future__ import annotations

import re
import threading
import urllib.parse
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_OF_FSSPEC: Final = frozenset(
    ("block_size", "cache_type", "cache_options", "use_listings_cache", "skip_instance_cache")
)
"""Options of fsspec that say how it reads; files are read in another way here."""
_OF_HTTP: Final = frozenset(("headers", "client_kwargs"))
_OF_CLIENT: Final = frozenset(("headers", "trust_env"))
_OF_HUB: Final = frozenset(("endpoint", "token"))
_HUB: Final = re.compile(
    r"hf://datasets/(?P<name>[^/@]+/[^/@]+)(?:@(?P<revision>refs/(?:pr|convert)/[^/]+|[^/]+))?/(?P<path>.+)"
)


class Place(NamedTuple):
    """An HTTP or HTTPS address and its request headers."""

    url: str
    headers: Mapping[str, str]


class Location:
    """A file's URL and the known address of its bytes.

    Several threads may ask at once.

    Parameters
    ----------
    storage_options : as fsspec takes them
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any]) -> None:
        self.url = url
        self._first = _first_place(url, storage_options)
        self._place = self._first
        self.commit: str | None = None  # that a hub says it answers from
        self._lock = threading.Lock()

    @property
    def direct(self) -> bool:
        """Whether the file is read over HTTP here.

        With other protocols and options, fsspec reads it.
        """
        return self._first is not None

    def place(self) -> Place:
        """Return where to ask."""
        with self._lock:
            if self._place is None:
                raise ValueError(f"{self.url} is no address of HTTP")
            return self._place

    def redirect(self, place: Place, target: str) -> None:
        """Remember that ``place`` redirects to ``target``.

        ``target`` is asked from now on. Headers, and so secrets, go to no other host.
        """
        url = urllib.parse.urljoin(place.url, target)
        same = urllib.parse.urlsplit(url)[:2] == urllib.parse.urlsplit(place.url)[:2]
        with self._lock:
            self._place = Place(url, place.headers if same else {})

    def forget(self, place: Place) -> bool:
        """Forget an expired address; return whether another is asked next.

        The next request goes where the first went, or where that led since. Addresses to which a hub leads are valid
        for a time.
        """
        with self._lock:
            if self._place == place:
                self._place = self._first
            return self._place != place


def _first_place(url: str, storage_options: Mapping[str, Any]) -> Place | None:
    options = storage_options.keys() - _OF_FSSPEC
    scheme = url.partition("://")[0]
    if scheme in ("http", "https") and options <= _OF_HTTP:
        client = storage_options.get("client_kwargs") or {}
        if client.keys() <= _OF_CLIENT:
            return Place(_quoted(url), {**client.get("headers", {}), **storage_options.get("headers", {})})
    if scheme == "hf" and options <= _OF_HUB and (match := _HUB.fullmatch(url)):
        return _on_hub(match, storage_options)
    return None


def _on_hub(match: re.Match[str], storage_options: Mapping[str, Any]) -> Place:
    """Return the address at which a hub serves a file."""
    import huggingface_hub
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented, but not in __all__

    revision = urllib.parse.unquote(match["revision"]) if match["revision"] else None
    link = huggingface_hub.hf_hub_url(
        match["name"],
        match["path"],
        repo_type="dataset",
        revision=revision,
        endpoint=storage_options.get("endpoint"),
    )
    return Place(link, build_hf_headers(token=storage_options.get("token")))


def _quoted(url: str) -> str:
    """Percent-encode forbidden characters in a URL's path.

    What is quoted stays so.
    """
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(path=urllib.parse.quote(parts.path, safe="/%:@!$&'()*+,;=~")))
