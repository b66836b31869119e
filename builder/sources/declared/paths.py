"""Table paths from any machine, resolved in the source's folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from builder.sources.common.folder import Folder
from builder.sources.common.ome_zarr import ome_images

_DRIVE: Final = re.compile(r"^(?:[A-Za-z]:)?/+|^[a-z0-9]+://[^/]+/+")


class Paths:
    """Finds files by the end of a path.

    ``D:\\Screens\\P1\\a.tif`` is P1/a.tif, or a.tif where there is one only.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._files = folder.listing
        self._arrays = ome_images(folder)
        self._by_name: dict[str, list[str]] | None = None
        self._lead: tuple[str, int] = ("", 0)  # what held for the last path, which mostly holds for the next

    def find_all(self, texts: Sequence[str], beside: str) -> list[str | None]:
        """Return what ``find`` finds of each; None for '' too."""
        lead, cut = self._lead
        likely: list[str | None] = [lead + text for text in texts]
        if not cut and all(map(self._files.__contains__, likely)):
            return likely
        return [self.find(text, beside) if text else None for text in texts]

    def find(self, text: str, beside: str) -> str | None:
        """Return the listed file that a table's path means.

        None where there is none, or one cannot tell which.

        Parameters
        ----------
        beside : folder of the table, "" or with "/" at its end
        """
        lead, cut = self._lead
        if not cut and (likely := lead + text) in self._files:
            return likely
        path = _DRIVE.sub("", text.strip().replace("\\", "/"))
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts or not parts:
            return None
        if cut < len(parts) and self._has(likely := lead + "/".join(parts[cut:])):
            return likely
        for base, skipped in self._tries(parts, beside):
            if self._has(tried := base + "/".join(parts[skipped:])):
                self._lead = base, skipped
                return tried
        same = self._named(parts[-1])
        return same[0] if len(same) == 1 else None

    def _has(self, path: str) -> bool:
        return path in self._files or path in self._arrays

    @staticmethod
    def _tries(parts: list[str], beside: str) -> Iterator[tuple[str, int]]:
        for skipped in range(len(parts)):
            for base in dict.fromkeys((beside, "")):
                yield base, skipped

    def _named(self, name: str) -> list[str]:
        if self._by_name is None:
            self._by_name = {}
            for path in (*self._folder.paths(), *self._arrays):
                self._by_name.setdefault(path.rpartition("/")[2].lower(), []).append(path)
        return self._by_name.get(name.lower(), [])
