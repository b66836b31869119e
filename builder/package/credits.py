"""Citations and licences: source facts, ``SOURCES.md`` and ``LICENSE.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from builder.errors import UserError
from builder.escape import markdown, markdown_url
from builder.sources.base import Source
from builder.sources.common import licenses

_SIMULATED: Final = " (simulated)"
"""How the ``name`` of a source ends where its examples were simulated in the layout of that source."""


def source_facts(selection: pa.Table, sources: Iterable[Source]) -> list[dict[str, Any]]:
    """Return the facts of the sources that gave examples.

    Sorted by dir_name, with the number of examples of each.

    Raises
    ------
    UserError
        Where a source of the selection is not among ``sources``: a package must name the licence of all it holds.
    """
    images = {pair["values"]: pair["counts"] for pair in pc.value_counts(selection["dir_name"]).to_pylist()}
    known = {source.dir_name: source for source in sources}
    unknown = sorted(images.keys() - known.keys())
    if unknown:
        raise UserError(f"no facts are known of {', '.join(unknown)}: a package names the licence of every source")
    names = selection.group_by(["dir_name", "name"]).aggregate([]).to_pylist()
    simulated = {row["dir_name"] for row in names if row["name"].endswith(_SIMULATED)}
    return [_facts(known[name], images[name], known[name].simulated or name in simulated) for name in sorted(images)]


def sources_page(sources: Sequence[Mapping[str, Any]]) -> str:
    """Return ``SOURCES.md``: each source's citation, licence and link."""
    lines = ["# Sources", "", "Cite the sources that you use; their licences hold for the examples made from them.", ""]
    for source in sources:
        name, database, accession, citation, terms = (
            markdown(source[key]) for key in ("name", "database", "accession", "citation", "license_name")
        )
        url, license_url = markdown_url(source["url"]), markdown_url(source["license_url"])
        lines += [
            f"## {source['dir_name']}: {name}",
            "",
            f"- Database: {database}, accession {accession}",
            f"- Link: <{url}>" if url else "- Link: none",
            f"- Licence: {f'[{terms}]({license_url})' if license_url else terms} (`{source['license']}`)",
            f"- Commercial use: {_ANSWER[source['commercial_use']]}",
            f"- Images in this package: {source['images']:,}",
            f"- Citation: {citation}",
            *(["- SIMULATED: made by code, not by a microscope"] if source["simulated"] else []),
            "",
        ]
    return "\n".join(lines)


def license_page(sources: Sequence[Mapping[str, Any]]) -> str:
    """Return ``LICENSE.md``: the terms of each source.

    The hub links a card to a file of this name.
    """
    lines = [
        "# Licence",
        "",
        "Each example keeps the licence of the source it was made from, which is in its column `license`. The terms of",
        "all sources of this package; `SOURCES.md` says whom to cite:",
        "",
        "| source | licence | id | commercial use | changed images may be published |",
        "|---|---|---|---|---|",
    ]
    for source in sources:
        terms, url = markdown(source["license_name"]), markdown_url(source["license_url"])
        answers = (_ANSWER[source[key]] for key in ("commercial_use", "derivatives"))
        cells = (f"`{source['dir_name']}`", f"[{terms}]({url})" if url else terms, f"`{source['license']}`", *answers)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


_ANSWER: Final = {True: "allowed", False: "not allowed", None: "not said by the terms, or not settled"}


def _facts(source: Source, images: int, simulated: bool) -> dict[str, Any]:
    licence = licenses.SIMULATED if simulated else source.license
    return {
        "dir_name": source.dir_name,
        "name": source.name.removesuffix(_SIMULATED) + _SIMULATED * simulated,
        "database": source.database,
        "accession": source.accession,
        "url": source.url,
        "license": licence.id,
        "license_name": licence.name,
        "license_url": licence.url,
        "commercial_use": licence.commercial_use,
        "derivatives": licence.derivatives,
        "citation": "none: simulated" if simulated else source.citation,
        "simulated": simulated,
        "images": images,
    }
