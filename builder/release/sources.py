"""The sources of the published release's rows.

Facts of the known ones, and what little is known of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from builder.sources import get_source, source_names
from builder.sources.base import Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder

_RELEASE: Final = "https://www.kaggle.com/stanleyhua/cytoimagenet"
_CITATION: Final = "Hua, Lu & Moses, CytoImageNet, NeurIPS LMRL workshop 2021, arXiv:2111.11646"


class SourceFacts:
    """The facts of each ``dir_name`` that rows mention."""

    def __init__(self) -> None:
        self._known = frozenset(source_names())
        self._sources: dict[str, Source] = {}

    def describe(self, row: dict[str, Any]) -> None:
        """Fill in a row's database, source name and licence.

        Database and name only where the row does not say them.
        """
        source = self._sources.get(row["dir_name"])
        if source is None:
            source = self._sources[row["dir_name"]] = self._source(row)
        row["database"] = row["database"] or source.database
        row["name"] = row["name"] or source.name
        row["license"] = source.license.id

    def of(self, dir_name: str) -> Source:
        """Return the facts of a source that a row mentioned."""
        return self._sources[dir_name]

    def _source(self, row: dict[str, Any]) -> Source:
        """Return a row's source, known or made up.

        One that this project does not know says only that the release holds examples of it.
        """
        if row["dir_name"] in self._known:
            return get_source(row["dir_name"])
        return Source(
            dir_name=row["dir_name"],
            database=row["database"] or "unknown",
            name=row["name"] or row["dir_name"],
            accession=row["dir_name"],
            url=_RELEASE,
            downloads=(),
            license=licenses.UNSTATED,
            citation=_CITATION,
            formats=("8-bit PNG",),
            images=_nothing,
        )


def _nothing(_: Folder) -> Iterator[Image]:
    return iter(())
