"""Screens on plates: one file per channel, gathered plate by plate into the fields that they show."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from builder.schema import TOKEN_SEPARATOR
from builder.sources.base import Channel, Download, Image
from builder.sources.common.folder import Folder, LayoutError, Notes
from builder.sources.common.tables import Rows
from builder.sources.common.wells import parse_well

Plate = TypeVar("Plate", bound=Hashable)

IMAGE_SUFFIXES: Final = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".dib", ".dv", ".flex")
_AND: Final = " + "  # between the structures of one channel: "|" separates channels


class Treatment(NamedTuple):
    """What the row of a well says, in Image's columns; '' for what it leaves empty."""

    cell_type: str | None = None
    phenotype: str | None = None
    compound: str | None = None
    gene: str | None = None
    sirna: str | None = None


NOTHING_KNOWN: Final = Treatment()


FAILED_QUALITY: Final = Treatment(phenotype="failed the source's quality control")
"""The row of a well whose images the source itself has rejected."""


def idr_downloads(study: str, size: int | None, *tables: str) -> tuple[Download, ...]:
    """Return where a study of the Image Data Resource lies: its images (``size`` bytes), then its annotation tables.

    ``tables`` are named as ``<screen>/<file>`` within the study, or ``<repository>:<path>`` within another repository.
    """
    urls = []
    for table in tables:
        repository, _, path = f"{study}:{table}".rpartition(":")
        urls.append(f"https://raw.githubusercontent.com/IDR/{repository.rpartition(':')[2]}/HEAD/{path}")
    images = Download(f"https://ftp.ebi.ac.uk/pub/databases/IDR/{study}/", size)
    return (images, *map(Download, urls))


def plate_name(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    """Return a function from a directory to its plate: the first group of ``pattern``, None where nothing matches."""

    def plate_of(directory: str) -> str | None:
        match = pattern.search(directory)
        return match and match[1]

    return plate_of


def by_plate(
    folder: Folder, suffixes: Sequence[str], plate_of: Callable[[str], Plate | None]
) -> dict[Plate, list[str]]:
    """Return plate -> its files, sorted; ``plate_of`` is asked once a directory, None means no plate of this source."""
    plates: dict[Plate, list[str]] = {}
    known: dict[str, list[str] | None] = {}
    for path in folder.paths(*suffixes):
        directory = path.rpartition("/")[0]
        if directory not in known:
            plate = plate_of(directory)
            known[directory] = None if plate is None else plates.setdefault(plate, [])
        files = known[directory]
        if files is None:
            folder.notes.add("files in no known plate folder", path)
        else:
            files.append(path)
    return plates


def fields(
    paths: Iterable[str], name: re.Pattern[str], notes: Notes
) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Gather one plate's files into fields: yield (all groups of ``name`` but the last, {last group: path}), sorted.

    A second file of one channel of one field is noted and left out; so are names that do not match from their start.
    """
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for path in paths:
        match = name.match(path, path.rfind("/") + 1)
        if not match:
            notes.add("files without a known name", path)
            continue
        parts = match.groups()
        if found.setdefault(parts[:-1], {}).setdefault(parts[-1], path) != path:
            notes.add("second files of one channel of one field, left out", path)
    yield from sorted(found.items())


def channels_of(files: Mapping[str, str], stains: Mapping[str, str], notes: Notes) -> tuple[Channel, ...]:
    """Return the channels that are there, in the order of ``stains``: channel -> structures, joined by `` + ``."""
    channels = tuple([Channel(files[channel], shows) for channel, shows in stains.items() if channel in files])
    if len(channels) < len(stains):
        notes.add("images with channels missing", next(iter(files.values())))
    return channels


def visible(channels: Iterable[Channel]) -> str:
    """Return the cell_visible of an image: every structure that its channels show, joined by ``|``."""
    return TOKEN_SEPARATOR.join(channel.shows for channel in channels).replace(_AND, TOKEN_SEPARATOR)


def field_images(
    folder: Folder,
    plate: str,
    paths: Iterable[str],
    name: re.Pattern[str],
    stains: Mapping[str, str],
    rows: Rows[Treatment],
    brightfield: str | None = None,
    no_row: Treatment = NOTHING_KNOWN,
) -> Generator[Image, None, int]:
    """Yield one image per field of the plate, joined to the row of its well, in order; return their number.

    Parameters
    ----------
    name : groups well (any spelling that ``parse_well`` reads, 384 wells), field (may be empty), channel
    stains : channel -> structures, as for ``channels_of``
    brightfield : the channel, if any, that is an image of its own, in transmitted light
    no_row : what is known of a well that no table names
    """
    found = 0
    for (place, number), files in fields(paths, name, folder.notes):
        well = parse_well(place)
        if well is None:
            folder.notes.add_all("files without a known name", files.values())
            continue
        row = rows.get(plate, well, tuple(files.values())) or no_row
        if row is FAILED_QUALITY:
            folder.notes.add_all("files that failed the source's quality control, left out", files.values())
            continue
        group = f"{plate}_{well}"
        key = f"{group}_{number}" if number else group
        if brightfield in files:
            channel = (Channel(files.pop(brightfield), "brightfield"),)
            yield _image(f"{key}_brightfield", channel, group, row, "cell body", "brightfield")
            found += 1
        if files:
            channels = channels_of(files, stains, folder.notes)
            yield _image(key, channels, group, row, visible(channels))
            found += 1
    return found


def plate_images(
    folder: Folder,
    plate_of: Callable[[str], str | None],
    name: re.Pattern[str],
    stains: Mapping[str, str],
    rows: Rows[Treatment],
    looked_for: str,
    brightfield: str | None = None,
) -> Iterator[Image]:
    """Yield the images of all plates, in order, where all are laid out alike; the arguments as for ``field_images``.

    Raises
    ------
    LayoutError
        At the end, where there are image files but none lies where ``looked_for`` says.
    """
    found = 0
    for plate, paths in sorted(by_plate(folder, (".tif", ".tiff"), plate_of).items()):
        found += yield from field_images(folder, plate, paths, name, stains, rows, brightfield)
    rows.note_unused()
    check_understood(folder, found, looked_for)


def _image(
    key: str, channels: tuple[Channel, ...], group: str, row: Treatment, shows: str, microscopy: str | None = None
) -> Image:
    return Image(
        key,
        channels,
        group,
        cell_type=row.cell_type,
        cell_visible=shows,
        phenotype=row.phenotype,
        compound=row.compound,
        gene=row.gene,
        sirna=row.sirna,
        microscopy=microscopy,
    )


def check_understood(folder: Folder, images: int, looked_for: str, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> None:
    """Raise where a folder has images but not one of them lies where the adapter looks.

    Raises
    ------
    LayoutError
        With what was looked for and what was found.
    """
    others = [] if images else list(itertools.islice(folder.paths(*suffixes), 3))
    if others:
        raise LayoutError(
            f"{folder.root}: looked for {looked_for}; found {len(folder)} files, such as {', '.join(others)}"
        )
