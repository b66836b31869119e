"""Files, configs and reading order of a package.

They are spelled nowhere else. The layout is that of a hub dataset repository whose card names configs and their data
files: https://huggingface.co/docs/hub/datasets-manual-configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

CATEGORIES: Final = ("organism", "cell_type", "cell_visible", "phenotype", "compound", "gene", "sirna")
"""The columns that give labels, in the order in which all lists of them stand."""
SPLITS: Final = ("train", "validation")

CARD: Final = "README.md"
CLASSES: Final = "classes.json"
CHANGELOG: Final = "CHANGELOG.md"
FINGERPRINTS_TABLE: Final = "fingerprints.parquet"
CROISSANT: Final = "croissant.json"
DATA: Final = "data/"
FIGURES: Final = "figures/"
LICENSE_PAGE: Final = "LICENSE.md"
MANIFEST: Final = "manifest.json"
METADATA_TABLE: Final = "metadata.parquet"
REJECTS_TABLE: Final = "rejects.parquet"
SOURCES_PAGE: Final = "SOURCES.md"

FULL: Final = "full"
"""The config of all categories together; the default."""
METADATA_CONFIG: Final = "metadata"
"""The config of every column but the image."""

FORMATS: Final = ("arrow", "parquet")
FOREIGN: Final = (CHANGELOG, ".gitattributes")
"""Files that a hub repository of the package may hold beside those of the manifest."""

_SHARD = re.compile(
    rf"{DATA}(?P<category>{'|'.join(CATEGORIES)})/(?P<split>{'|'.join(SPLITS)})"
    rf"-(?P<number>\d{{5,9}})-of-(?P<total>\d{{5,9}})\.(?P<format>{'|'.join(FORMATS)})"
)
_METADATA_FILE = re.compile(rf"{METADATA_CONFIG}/(?P<split>{'|'.join(SPLITS)})\.(?P<format>{'|'.join(FORMATS)})")


class Part(NamedTuple):
    """A data file's name, in parts.

    ``config`` is the category, or ``metadata``; ``number`` counts from 0.
    """

    config: str
    split: str
    number: int
    total: int
    format: str


def parse(path: str) -> Part | None:
    """Parse a data file's path; None for other files."""
    if match := _SHARD.fullmatch(path):
        return Part(match["category"], match["split"], int(match["number"]), int(match["total"]), match["format"])
    if match := _METADATA_FILE.fullmatch(path):
        return Part(METADATA_CONFIG, match["split"], 0, 1, match["format"])
    return None


def shard_name(category: str, split: str, number: int, total: int) -> str:
    """Return a shard's path without its ending.

    ``number`` counts from 0.
    """
    return f"{DATA}{category}/{split}-{number:05d}-of-{total:05d}"


def shard_path(name: str, file_format: str) -> str:
    """Return a shard's path with its format's ending."""
    return f"{name}.{file_format}"


def metadata_path(split: str, file_format: str) -> str:
    """Return the path of a split's metadata without images."""
    return f"{METADATA_CONFIG}/{split}.{file_format}"


def configs(files: Iterable[str]) -> list[str]:
    """Return the configs that give labels.

    They are ``full``, then the categories that the files hold, in schema order.
    """
    present = {part.config for part in map(parse, files) if part}
    return [FULL, *(category for category in CATEGORIES if category in present)]


def splits_of(files: Iterable[str], config: str) -> list[str]:
    """Return the splits of a config that have files.

    A split without images is not in the package.
    """
    present = {part.split for part in map(parse, files) if part and _belongs(part, config)}
    return [split for split in SPLITS if split in present]


def shards_of(files: Iterable[str], config: str, split: str) -> list[str]:
    """Return a config's files of one split, in reading order.

    ``full`` interleaves the categories in proportion, so that a reader who goes through the files in order, as a
    streaming one does, meets all categories from the start.
    """
    parts = {path: part for path in files if (part := parse(path)) and part.split == split and _belongs(part, config)}
    return sorted(parts, key=lambda path: reading_position(parts[path]))


def _belongs(part: Part, config: str) -> bool:
    return part.config == config or (config == FULL and part.config != METADATA_CONFIG)


def reading_position(part: Part) -> tuple[float, int, int]:
    """Return a file's sort key in the reading order.

    Shard k of n stands at (k + 1/2) / n of the way, categories in their order.
    """
    category = CATEGORIES.index(part.config) if part.config in CATEGORIES else len(CATEGORIES)
    return (part.number + 0.5) / part.total, category, part.number
