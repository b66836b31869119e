"""``CITATION.cff`` of a package (https://citation-file-format.github.io, 1.2.0)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from builder.engine.store import Store
from builder.package.identity import PAPER_URL, Identity, identity_of
from builder.package.manifest import file_facts
from cytoimagenet_reader.layout import CITATION

_AUTHORS: Final = [
    {"family-names": "Hua", "given-names": "Stanley Bryan Z."},
    {"family-names": "Lu", "given-names": "Alex X."},
    {"family-names": "Moses", "given-names": "Alan M."},
]
_PAPER: Final = {
    "type": "conference-paper",
    "title": "CytoImageNet: A large-scale pretraining dataset for bioimage transfer learning",
    "authors": _AUTHORS,
    "year": 2021,
    "collection-title": "NeurIPS Workshop on Learning Meaningful Representations of Life",
    "url": PAPER_URL,
}
_YEAR: Final = re.compile(r"\(?\b(?:19|20)\d\d\b")
_SPDX: Final = re.compile(r"(?!LicenseRef)[A-Za-z0-9.+-]+")


def citation_file(manifest: Mapping[str, Any]) -> str:
    """Return the text of ``CITATION.cff``.

    Authors of a package of one's own are what stands before the year of its citation. The date is the recipe's
    `published`; else none is stated, so that the same build has the same bytes.
    """
    identity = identity_of(manifest)
    authors = _authors(identity)
    cited: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": identity.citation or "Cite the paper, and the sources that you use (SOURCES.md).",
        "type": "dataset",
        "title": identity.name,
        "authors": authors,
        "version": manifest["version"],
    }
    if identity.doi:
        cited["doi"] = identity.doi
    if identity.description:
        cited["abstract"] = identity.description
    if manifest["recipe"].get("published"):
        cited["date-released"] = datetime.date.fromisoformat(manifest["recipe"]["published"])
    if identity.license and _SPDX.fullmatch(identity.license):
        cited["license"] = identity.license
    cited["keywords"] = list(identity.tags)
    if not identity.own:
        cited["preferred-citation"] = _PAPER
    cited["references"] = [*([_PAPER] if identity.own else []), *map(_reference, manifest["sources"])]
    return yaml.safe_dump(cited, sort_keys=False, allow_unicode=True, width=1000)


def write_citation(package: Store, manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Write ``CITATION.cff``; return its facts for the manifest."""
    content = citation_file(manifest).encode()
    package.write_bytes(CITATION, content)
    return {CITATION: file_facts(content)}


def _authors(identity: Identity) -> list[dict[str, str]]:
    if not identity.own:
        return _AUTHORS
    named = _YEAR.split(identity.citation)[0].strip(" ,.;:(") if _YEAR.search(identity.citation) else ""
    return [{"name": named or f"The authors of {identity.name}"}]


def _reference(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a source as a reference."""
    found = {"type": "data", "title": source["name"], "authors": [{"name": source["database"] or source["name"]}]}
    return found | ({"url": source["url"]} if source["url"] else {}) | {"notes": source["citation"]}
