"""Checks of the rows of a source, whole or broken."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from builder.schema import ACQUISITION, CATEGORIES, CONTROLS
from builder.sources.base import MAX_PROJECTION, MIDDLE_PLANE, Image, Source
from builder.sources.common.folder import Folder
from builder.sources.common.wells import parse_well
from builder.vocabulary import normalize

Row = dict[str, Any]

COLUMNS = (*CATEGORIES, "microscopy")
TABLES = (".csv", ".tsv", ".txt", ".json", ".lst", ".xls", ".xlsx", ".gz", ".zip", ".screen", ".companion")


def signatures(root: Path) -> dict[str, int]:
    """Return the files that a listing keeps, sorted.

    Each has some file_signature.
    """
    return dict.fromkeys(Folder.listed(str(root)).paths(), 1)


def normalised(source: Source, image: Image) -> Row:
    """Return a row as the method's section 1 wants it.

    Values are the image's own, else the source's, normalised.
    """
    row: Row = {}
    for column in COLUMNS:
        value = getattr(image, column)
        row[column] = normalize(column, source.constants.get(column) if value is None else value)
    row["group"] = image.group
    row |= {column: getattr(image, column) for column, _ in ACQUISITION}
    row["pixel_size_um"] = source.pixel_size_um if image.pixel_size_um is None else image.pixel_size_um
    row["single_object"] = source.single_object or image.single_object
    row["region"] = None if image.region is None else tuple(image.region)
    row["size"] = image.size
    row["files"] = tuple(channel.path for channel in image.channels)
    row["channels"] = tuple(channel.structure for channel in image.channels)
    row["planes"] = tuple(channel.plane for channel in image.channels)
    return row


def check_rows(source: Source, images: Mapping[str, Image], expected: Mapping[str, Row]) -> None:
    """Compare named rows with their expected values.

    The name is the key or the first file.
    """
    assert expected, "no row is expected: a test that can hardly fail"
    by_name = {image.channels[0].path: image for image in images.values()} | dict(images)
    for name, values in expected.items():
        assert name in by_name, f"no row {name!r}; the keys begin with {sorted(images)[:3]}"
        row = normalised(source, by_name[name])
        assert {column: row[column] for column in values} == values, name


def check_sound(source: Source, folder: Folder, images: Iterable[Image], root: Path) -> None:
    """Check what holds for every row of every source.

    Whether the source is whole or broken.
    """
    for image in images:
        assert image.key
        assert image.group
        assert image.channels, f"{image.key} has no file"
        for text in (image.key, image.group, image.batch or "-"):
            assert not text.startswith("/")
            assert str(root) not in text
        for channel in image.channels:
            assert channel.path in folder, f"{image.key}: {channel.path} is no file of the source"
            assert ".." not in channel.path.split("/")
            assert channel.structure == normalize("cell_visible", channel.structure)
            assert "|" not in channel.structure, "one word a channel; 'actin + golgi' where it shows both"
            assert channel.plane >= 0 or channel.plane in (MIDDLE_PLANE, MAX_PROJECTION)
        paths = [(channel.path, channel.plane) for channel in image.channels]
        assert len(set(paths)) == len(paths), f"{image.key} names a plane twice"
        if image.region is not None:
            assert 0 <= image.region.x_min < image.region.x_max
            assert 0 <= image.region.y_min < image.region.y_max
        for column in COLUMNS:
            value = normalize(column, getattr(image, column))
            assert normalize(column, value) == value
        assert image.batch != ""
        assert image.well is None or (image.well == parse_well(image.well) and image.well[-2:].isdecimal()), image.well
        assert image.control in (None, *CONTROLS)
        assert image.timepoint != ""
        assert image.z is None or isinstance(image.z, int)
        assert image.pixel_size_um is None or 0.01 < image.pixel_size_um < 20
        kinds = {channel.structure in ("brightfield", "darkfield") for channel in image.channels}
        assert len(kinds) == 1, f"{image.key} merges brightfield with fluorescence"


def spoilt(rng: random.Random, path: str) -> str:
    """Return the path with one place changed, doubled or lost."""
    place = rng.randrange(len(path))
    sign = rng.choice(
        [*"#%[](){}*?+ ,;'\"|\\_-.0aZ", "é", "Σ", "\u202e", "漢", "\n", "", "", path[place] * 2, "99999999999"]
    )
    return (path[:place] + sign + path[place + 1 :]).replace("//", "/").lstrip("/")


def without_paths(images: Mapping[str, Image]) -> dict[str, Row]:
    """Return the images as rows, files by name only."""
    plain: Callable[[Image], Row] = Image._asdict
    return {
        key: {**plain(image), "channels": [(c.path.rpartition("/")[2], c.structure, c.plane) for c in image.channels]}
        for key, image in images.items()
    }


def added_notes(before: Folder, after: Folder) -> dict[str, int]:
    """Return the notes that came on top."""
    return dict(Counter(after.notes.counts) - Counter(before.notes.counts))


def is_subsequence(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Do the part's items come in the whole's order?"""
    rest = iter(whole)
    return all(item in rest for item in part)
