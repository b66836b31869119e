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
CITATION: Final = "CITATION.cff"
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
SAMPLE_TABLE: Final = "sample.parquet"
SOURCES_PAGE: Final = "SOURCES.md"

FULL: Final = "full"
"""The config of all categories together; the default."""
METADATA_CONFIG: Final = "metadata"
"""The config of every column but the image."""

FORMATS: Final = ("arrow", "parquet")
FOREIGN: Final = (CHANGELOG, ".gitattributes")
"""Files that a hub repository of the package may hold beside those of the manifest."""

_NUMBER = r"(?P<number>\d{5,9})-of-(?P<total>\d{5,9})"
_CATEGORY, _SPLIT = f"(?P<category>{'|'.join(CATEGORIES)})", f"(?P<split>{'|'.join(SPLITS)})"
_SHARDS = (
    re.compile(rf"{DATA}{_CATEGORY}/{_SPLIT}-{_NUMBER}\.(?P<format>{'|'.join(FORMATS)})"),
    re.compile(rf"{DATA}{_SPLIT}-(?P<place>\d{{8}})-{_CATEGORY}-{_NUMBER}\.(?P<format>parquet)"),
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
    for names in _SHARDS:
        if match := names.fullmatch(path):
            part = Part(match["category"], match["split"], int(match["number"]), int(match["total"]), match["format"])
            placed = match.groupdict().get("place")  # by which globs sort: a wrong one would put its rows elsewhere
            return part if placed is None or (part.total and int(placed) == _place(part)) else None
    if match := _METADATA_FILE.fullmatch(path):
        return Part(METADATA_CONFIG, match["split"], 0, 1, match["format"])
    return None


def shard_name(category: str, split: str, number: int, total: int) -> str:
    """Return a shard's name, whatever its format.

    ``number`` counts from 0. With the ending it is the path of an Arrow shard.
    """
    return f"{DATA}{category}/{split}-{number:05d}-of-{total:05d}"


def shard_path(name: str, file_format: str) -> str:
    """Return the path of a shard, by its name.

    The names of Parquet files begin with their place in the reading order, so that what globs find is in that order.
    """
    part = parse(f"{name}.arrow")
    if file_format == "arrow" or part is None or part.config == METADATA_CONFIG:
        return f"{name}.{file_format}"
    return f"{DATA}{part.split}-{_place(part):08d}-{part.config}-{part.number:05d}-of-{part.total:05d}.{file_format}"


def name_of(path: str) -> str:
    """Return the name of the shard at a path."""
    part = parse(path)
    if part is None or part.config == METADATA_CONFIG:
        return path.rpartition(".")[0]
    return shard_name(part.config, part.split, part.number, part.total)


def patterns_of(files: Iterable[str], config: str, split: str) -> list[str]:
    """Return a card's patterns for one split's files.

    Of Parquet it is one glob, which finds them in reading order: snippets of the hub take the first entry alone.
    """
    paths = shards_of(files, config, split)
    if len(paths) < 2 or not all(path.endswith(".parquet") for path in paths):
        return paths
    return [f"{DATA}{split}-*.parquet" if config == FULL else f"{DATA}{split}-*-{config}-*.parquet"]


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


def reading_position(part: Part) -> tuple[int, int, int]:
    """Return a file's sort key in the reading order.

    Shard k of n stands at (k + 1/2) / n of the way, in ten-millionths; of those at one place, categories in their
    order.
    """
    category = CATEGORIES.index(part.config) if part.config in CATEGORIES else len(CATEGORIES)
    return (2 * part.number + 1) * 5_000_000 // part.total, category, part.number


def _place(part: Part) -> int:
    """Return a number that sorts as the reading order does."""
    fraction, category, _ = reading_position(part)
    return 10 * fraction + category
