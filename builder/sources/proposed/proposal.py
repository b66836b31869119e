"""What is proposed for a folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from builder.sources.declared.own_metadata import Metadata
from builder.sources.proposed.scheme import Scheme


class Joined(NamedTuple):
    """A table that says more of images, and its join."""

    file: str
    join: Mapping[str, str]
    name: str = ""  # of the value in a grid without one
    said: str = ""


class Added(NamedTuple):
    """An extra column: its fact, type and unit."""

    fact: str
    type: str
    unit: str


class Proposal(NamedTuple):
    """All that is proposed; ``remarks`` is for people to settle."""

    title: str
    scheme: Scheme
    tables: tuple[Joined, ...]
    columns: dict[str, str]
    extra: dict[str, Added]
    first: Metadata
    channels: tuple[tuple[str, str], ...]  # key, what it shows; '' where nothing tells
    remarks: tuple[str, ...]
