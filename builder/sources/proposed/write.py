"""A proposal as a commented ``source.toml``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from builder.schema import CATEGORIES
from builder.sources.proposed.meanings import is_transmitted
from builder.sources.proposed.proposal import Proposal

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def written(proposal: Proposal) -> str:
    """Return the text of the file."""
    return "\n".join(_lines(proposal)) + "\n"


def _lines(proposal: Proposal) -> Iterator[str]:
    yield "# What the images of this folder are, as `cytoimagenet new` guessed it. Correct what is wrong, fill in"
    yield "# what is missing, and look at what it gives: cytoimagenet annotate FOLDER --show"
    yield f"title = {_text(proposal.title)}"
    yield '# license = "CC-BY-4.0"   # unknown: an SPDX identifier, or a text with commercial_use = true or false'
    yield '# citation = "Who (year), title, DOI"'
    yield ""
    yield "# What is true of every image; a class comes from it only where other sources differ."
    for name, example in (("organism", "human"), ("cell_type", "u2os")):
        if name not in proposal.columns:
            yield f"# {name} = {_text(example)}"
    yield from _microscopy(proposal)
    if proposal.first.pixel_size_um:
        yield f"pixel_size_um = {proposal.first.pixel_size_um}   # as {'OME metadata of the first image say'}"
    yield "# single_object = true   # every image shows one cell or nucleus, and must not be cut"
    yield '# group = "{plate}_{well}"   # the specimen, never on both sides of the split; the well, or else the file'
    yield ""
    yield from _files(proposal)
    yield from _channels(proposal)
    for table in proposal.tables:
        yield ""
        yield f"[[tables]]   # {table.said}"
        yield f"file = {_text(table.file)}"
        if table.name:
            yield f"name = {_text(table.name)}"
        if table.join:
            pairs = ", ".join(f"{_key(fact)} = {_text(column)}" for fact, column in table.join.items())
            yield f"join = {{ {pairs} }}"
    yield from _columns(proposal)
    for remark in proposal.remarks:
        yield ""
        yield f"# ? {remark}"


def _microscopy(proposal: Proposal) -> Iterator[str]:
    if "microscopy" in proposal.columns:
        return
    shown = [shows for _, shows in proposal.channels if shows]
    if shown and all(map(is_transmitted, shown)):
        yield f"microscopy = {_text(shown[0])}   # as its channel is called"
    elif shown:
        yield 'microscopy = "fluorescence"   # as its channels are called'
    else:
        yield '# microscopy = "fluorescence"   # or "brightfield", "phase contrast", "dic" …'


def _files(proposal: Proposal) -> Iterator[str]:
    scheme, first = proposal.scheme, proposal.first
    if scheme.key == "list":
        yield f"[list]   # {scheme.said}"
        yield f"file = {_text(scheme.value)}"
        if scheme.listing is not None and scheme.listing.paths:
            yield f"paths = {_text(scheme.listing.paths)}"
        return
    yield f"[files]   # {scheme.said}"
    yield f"{scheme.key} = {_text(scheme.value)}"
    pages = bool(first.channels) and any(shows or key for key, shows in proposal.channels)
    if pages and scheme.key != "class_folders":
        order = ", ".join(map(_text, first.order))
        planes = f", planes = {first.planes}" if first.planes > 1 else ""
        yield f"pages = {{ order = [{order}]{planes} }}   # as OME metadata of the first image say"
    elif first.planes > 1 and not first.channels:
        yield 'plane = "middle"   # of stacks; "max" is their projection'


def _channels(proposal: Proposal) -> Iterator[str]:
    if not proposal.channels:
        return
    known = all(shows for _, shows in proposal.channels)
    pages = bool(proposal.first.channels)
    yield ""
    if known or pages:
        yield "[channels]   # what each shows"
    else:
        yield "# [channels]   # what does each show? Nothing here tells; images are made of all of them"
    for key, shows in proposal.channels:
        line = f"{_key(key)} = {_text(shows or f'channel {key}')}"
        yield line if known or pages else f"# {line}"


def _columns(proposal: Proposal) -> Iterator[str]:
    yield ""
    if proposal.columns:
        yield "[columns]   # a category of labels = the column, or fact of a name, that gives it"
        for column, fact in proposal.columns.items():
            yield f"{column} = {_text(fact)}"
    elif proposal.scheme.key != "class_folders":
        facts = ", ".join(sorted(name for name in proposal.scheme.values if name)) or "none"
        yield f"# [columns]   # nothing tells classes yet; the categories are {', '.join(CATEGORIES)}"
        yield f'# phenotype = "…"   # a column of a table, or a fact of names: {facts}'
    for name, added in proposal.extra.items():
        yield ""
        yield f"[extra.{name}]   # carried along; no class comes from it"
        yield f"from = {_text(added.fact)}"
        yield f"type = {_text(added.type)}"
        if added.unit:
            yield f"unit = {_text(added.unit)}"


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _text(text)


def _text(text: str) -> str:
    """Return a TOML string: JSON's are TOML's basic strings."""
    return json.dumps(text, ensure_ascii=False)
