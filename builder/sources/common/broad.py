"""Shared parts of the Broad Bioimage Benchmark Collection's sets.

Where they are, what is no image, and how to find files. The collection is at https://bbbc.broadinstitute.org; each set
has a page and a folder of archives named by accession.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from builder.sources.base import Download
from builder.sources.common.folder import Folder
from builder.sources.common.screens import check_understood

P = TypeVar("P")

COLLECTION: Final = "Ljosa et al., Nature Methods 2012, doi:10.1038/nmeth.2083"
UNKNOWN_NAME: Final = "files without a known name"
_NO_IMAGE = re.compile(r"ground_truth|foreground|eachworm|outlines|labels|masks|GT_images", re.IGNORECASE)


def page(accession: str) -> str:
    """Return the address of a set's page."""
    return f"https://bbbc.broadinstitute.org/{accession}"


def download(accession: str, name: str, size: int | None = None) -> Download:
    """Return one archive or table of a set.

    ``+`` in a name is escaped.
    """
    return Download(f"https://data.broadinstitute.org/bbbc/{accession}/{name.replace('+', '%2B')}", size)


def anywhere(directory: str) -> str | None:
    """Accept any directory: for sets whose file names say all."""
    return directory


def named_files(
    folder: Folder,
    name: re.Pattern[str],
    looked_for: str,
    *suffixes: str,
    place: Callable[[str], P | None],
) -> Iterator[tuple[str, P, re.Match[str]]]:
    """Yield (path, place, match) of known files, sorted.

    Masks and misfits are noted.

    Parameters
    ----------
    name : matches the file's own name from its first letter
    place : directory -> what it says (plate, class ...), None for one where no images lie; asked once a directory

    Raises
    ------
    LayoutError
        At the end, where there are images but none of a known name in a known place.
    """
    found, directory, known, masks = 0, "\0", None, False
    for path in folder.paths(*suffixes):
        start = path.rfind("/") + 1
        if path[:start] != directory:
            directory = path[:start]
            known, masks = place(directory), _NO_IMAGE.search(directory) is not None
        match = None if masks or known is None else name.match(path, start)
        if match and known is not None:
            found += 1
            yield path, known, match
        elif masks or _NO_IMAGE.search(path, start):
            folder.notes.add("masks and ground truth, left out", path)
        else:
            folder.notes.add(UNKNOWN_NAME, path)
    check_understood(folder, found, looked_for)


class Fields:
    """Channel files gathered by field over all folders.

    A second file of a channel is noted, not used.
    """

    def __init__(self, folder: Folder) -> None:
        self._notes = folder.notes
        self._files: dict[str, dict[str, str]] = {}

    def add(self, field: str, channel: str, path: str) -> None:
        """Keep one channel file of a field."""
        kept = self._files.setdefault(field, {}).setdefault(channel, path)
        if kept != path:
            self._notes.add("second files of one channel of one field, left out", path)

    def __iter__(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield each field's name and channel -> path, sorted."""
        return iter(sorted(self._files.items()))
