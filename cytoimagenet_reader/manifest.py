"""Typed reading of ``manifest.json`` and ``classes.json``.

A package may come from anyone. What passes here has the keys and types that the rest of the code relies on, and its
paths name files below the package; ``cytoimagenet verify`` says whether what it states is true.
"""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Any, Final, Literal, TypedDict

import msgspec

from cytoimagenet_reader.columns import Column, stated_schema
from cytoimagenet_reader.layout import CATEGORIES, DATA, FULL, METADATA_CONFIG, SPLITS, parse

PACKAGE: Final = "cytoimagenet"

_MOST_NESTED: Final = 100  # levels of JSON; our own files have six

Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class ManifestError(ValueError):
    """A manifest or class list that cannot be used.

    The text says in one line what is wrong, and where.
    """


class _OfData(TypedDict, total=False):
    """What the manifest says of data files alone."""

    rows: Count
    config: str
    split: str
    batch_rows: list[Count]
    """Rows of each record batch or row group."""
    batch_offsets: list[Count]
    """Where each record batch or row group begins, in bytes."""
    footer_offset: Count
    """Where the row groups of a Parquet file end; its indexes and footer follow."""
    intensity_mean: Share
    """Mean over the images of the mean of their pixels, which count from 0 (black) to 1."""
    intensity_square: Share
    """Likewise of the mean of the squares."""


class FileFacts(_OfData):
    """A file of the package."""

    bytes: Count
    sha256: Sha256


class SourceFacts(TypedDict):
    """A source that gave images, with its terms."""

    dir_name: str
    name: str
    database: str
    accession: str
    url: str
    license: str
    license_name: str
    license_url: str
    commercial_use: bool | None
    derivatives: bool | None
    citation: str
    simulated: bool
    images: Count


class ExtraFacts(TypedDict):
    """A column that sources added to those of every package."""

    type: Literal["text", "number", "integer", "boolean"]
    unit: str
    description: str
    sources: list[str]


class Intensity(TypedDict):
    """Mean and standard deviation of a config's training pixels.

    Pixels count from 0 (black) to 1, and each image the same.
    """

    mean: Share
    std: Share


class _Optional(TypedDict, total=False):
    """What a manifest gets last, and what only some have."""

    sha256: str
    intensity: dict[str, Intensity]
    """By config."""
    columns: list[Column]
    """Of the examples, as they are read: labels are names, also where Parquet holds numbers."""
    extra: dict[Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,62}$")], ExtraFacts]


class Manifest(_Optional):
    """``manifest.json``, with unlisted keys kept as they are."""

    package: Literal["cytoimagenet"]
    format: Literal["arrow", "parquet"]
    version: str
    simulated: bool
    images: Count
    classes: Count
    recipe: dict[str, Any]
    versions: dict[str, str]
    sources: list[SourceFacts]
    report: dict[str, Any]
    files: dict[str, FileFacts]


class ConfigClasses(TypedDict):
    """A config's classes and their image counts by split.

    The classes are in ClassLabel order.
    """

    names: list[str]
    counts: dict[str, dict[str, Count]]


ClassIndex = dict[str, ConfigClasses]
"""``classes.json``: config -> its classes; ``full`` first, then the categories that the package holds."""

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def parse_manifest(content: bytes) -> Manifest:
    """Return what a ``manifest.json`` says.

    Raises
    ------
    ManifestError
        Where it is no JSON, lacks a key, has a value of another type, or names a file outside the package.
    """
    manifest: Manifest = _typed(content, Manifest)
    try:
        stated_schema(manifest.get("columns"))
    except ValueError as error:
        raise ManifestError(f"cannot be used: {error}") from None
    for path, facts in manifest["files"].items():
        if wrong := path_fault(path) or _data_fault(path, facts):
            raise ManifestError(f"file {path!a} {wrong}")
    return manifest


def parse_classes(content: bytes) -> ClassIndex:
    """Return what a ``classes.json`` says.

    Raises
    ------
    ManifestError
        Where it is no JSON, a value has another type, a config is unknown, ``full`` is missing or a class is named
        twice.
    """
    index: ClassIndex = _typed(content, ClassIndex)
    if FULL not in index:
        raise ManifestError(f"has no config {FULL!r}")
    for config, classes in index.items():
        if config not in (FULL, *CATEGORIES):
            raise ManifestError(f"has an unknown config {config!a}")
        if len(set(classes["names"])) != len(classes["names"]):
            raise ManifestError(f"names a class of {config!r} twice")
        for split, counts in classes["counts"].items():
            if split not in SPLITS or not counts.keys() <= set(classes["names"]):
                raise ManifestError(f"counts in {config!r} a split or class that it does not name")
    return index


def batch_rows(manifest: Manifest) -> int:
    """Return the recipe's rows per record batch."""
    stated = manifest["recipe"].get("batch_rows", 100)
    return stated if isinstance(stated, int) and stated > 0 else 100


def path_fault(path: str) -> str | None:
    """Return why a path is unsafe, or None.

    It must name a file below the package, on any system.
    """
    if not path or path.startswith("/") or re.match("[A-Za-z]:", path):
        return "is no path below the package"
    if "\\" in path or any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        return "has a character that no file of a package has in its name"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "leads out of the package"
    return None


def _data_fault(path: str, facts: FileFacts) -> str | None:
    """Return what is wrong with a data file's facts."""
    if not path.startswith((DATA, f"{METADATA_CONFIG}/")):
        return None
    part = parse(path)
    if part is None or part.number >= part.total:
        return "has a name that no data file has"
    if "rows" not in facts:
        return "has no rows"
    if (facts.get("config"), facts.get("split")) != (part.config, part.split):
        return f"is given to {facts.get('config')!a}, {facts.get('split')!a}"
    return _batches_fault(facts, part.format)


def _batches_fault(facts: FileFacts, file_format: str) -> str | None:
    """Return what is wrong with stated record batches.

    Older packages state none.
    """
    rows, offsets = facts.get("batch_rows"), facts.get("batch_offsets")
    ends = [facts["footer_offset"]] if "footer_offset" in facts else []
    if rows is not None and (sum(rows) != facts["rows"] or not all(rows)):
        return "has batch_rows that do not add up to its rows"
    if offsets is not None and (rows is None or len(rows) != len(offsets)):
        return "has not as many batch_offsets as batch_rows"
    if ends and (offsets is None or file_format != "parquet"):
        return "has a footer_offset, which is of Parquet and goes with batch_offsets"
    if offsets is not None and any(a >= b for a, b in itertools.pairwise([0, *offsets, *ends, facts["bytes"]])):
        return "has batch_offsets that do not follow one another within it"
    return None


def _typed(content: bytes, kind: Any) -> Any:
    """Return JSON as values checked against ``kind``.

    Unknown keys stay.
    """
    if _nesting(content) > _MOST_NESTED:
        raise ManifestError("is nested too deeply")
    try:
        found = msgspec.json.decode(content)
        msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise ManifestError(f"cannot be used: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # the second of a text that is no UTF-8
        raise ManifestError(f"is not JSON ({error})") from None
    return found


def _nesting(content: bytes) -> int:
    """Return the maximum nesting depth of JSON brackets."""
    depth = most = 0
    for bracket in re.findall(rb"[][{}]", _TEXT.sub(b"", content)):
        depth += 1 if bracket in b"[{" else -1
        most = max(most, depth)
    return most
