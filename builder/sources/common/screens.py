"""Plate-based screens: group single-channel files into fields, plate by plate."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from builder.schema import CONTROLS, TOKEN_SEPARATOR
from builder.sources.base import Channel, Download, Image
from builder.sources.common.folder import Folder, LayoutError, Notes
from builder.sources.common.tables import Rows
from builder.sources.common.wells import parse_well

Plate = TypeVar("Plate", bound=Hashable)

IMAGE_SUFFIXES: Final = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".dib", ".dv", ".flex")
_AND: Final = " + "  # between the structures of one channel: "|" separates channels


class Treatment(NamedTuple):
    """The annotation of a well, '' for each empty column."""

    cell_type: str | None = None
    phenotype: str | None = None
    compound: str | None = None
    gene: str | None = None
    sirna: str | None = None
    control: str | None = None  # as control_of gives it
    excluded: str = ""  # why the source itself leaves the well out, as excluded_by gives it


NOTHING_KNOWN: Final = Treatment()
EXCLUDED: Final = "files of wells that their source excludes, left out"
"""What the notes call them; one policy for all screens: what the quality control of a source did not pass is no image
of ours, whatever the reason (a failed assay, a tag that moves its protein, a well that may be empty, a toxic drug)."""
_PASSED: Final = frozenset(("", "pass", "passed"))


def excluded_by(quality: str) -> str:
    """Return why ``Quality Control`` excludes a well, '' if passed."""
    return "" if quality.strip().lower() in _PASSED else quality.strip()


def control_of(text: str) -> str | None:
    """Return the control (``schema.CONTROLS``) named by ``Control Type``, or None."""
    words = text.lower().split()
    return next((kind for kind in CONTROLS if kind in words), None)


def idr_downloads(study: str, size: int | None, *tables: str) -> tuple[Download, ...]:
    """Return the downloads of an Image Data Resource study.

    The images (``size`` bytes) come first, then the annotation tables. ``tables`` are named as ``<screen>/<file>``
    within the study, or ``<repository>:<path>`` within another repository.
    """
    urls = []
    for table in tables:
        repository, _, path = f"{study}:{table}".rpartition(":")
        urls.append(f"https://raw.githubusercontent.com/IDR/{repository.rpartition(':')[2]}/HEAD/{path}")
    images = Download(f"https://ftp.ebi.ac.uk/pub/databases/IDR/{study}/", size)
    return (images, *map(Download, urls))


def plate_name(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    """Return a function from a directory to its plate.

    The plate is the first group of ``pattern``, None where nothing matches.
    """

    def plate_of(directory: str) -> str | None:
        match = pattern.search(directory)
        return match and match[1]

    return plate_of


def by_plate(
    folder: Folder, suffixes: Sequence[str], plate_of: Callable[[str], Plate | None]
) -> dict[Plate, list[str]]:
    """Return the sorted files of each plate.

    ``plate_of`` is called once per directory; None means no plate of this source.
    """
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
    paths: Iterable[str], name: re.Pattern[str], notes: Notes, together: bool = True
) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Group one plate's files into fields.

    Yields (all groups of ``name`` but the last, {last group: path}), sorted. Where a channel of a field has several
    files, those of one directory make the field, for the others may be another acquisition: the directory with most
    channels, then the first. Files left out are noted; so are names that do not match from their start.

    Parameters
    ----------
    together : whether the channels of an acquisition lie in one directory. If not, and the several files of a channel
        have different names, nothing tells which of them belong together: such a field comes without any
    """
    found: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for path in paths:
        match = name.match(path, path.rfind("/") + 1)
        if match:
            parts = match.groups()
            found.setdefault(parts[:-1], {}).setdefault(parts[-1], []).append(path)
        else:
            notes.add("files without a known name", path)
    for field, channels in sorted(found.items()):
        chosen = {channel: paths[0] for channel, paths in channels.items()}
        if any(len(paths) > 1 for paths in channels.values()):
            if not together and any(
                len({path.rpartition("/")[2] for path in paths}) > 1 for paths in channels.values()
            ):
                notes.add_all(
                    "files of fields with several acquisitions that names do not tell apart, left out",
                    itertools.chain.from_iterable(channels.values()),
                )
                chosen = {}
            elif together:
                chosen = _of_one_directory(channels)
            if chosen:
                left = (path for paths in channels.values() for path in paths if path not in chosen.values())
                notes.add_all("second files of one channel of one field, left out", left)
        yield field, chosen


def _of_one_directory(channels: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return each channel's path in the directory with most channels.

    Of several such directories, the first counts. Where no directory has two of them, directories tell nothing: the
    first file of each channel.
    """
    by_directory: dict[str, dict[str, str]] = {}
    for channel, paths in channels.items():
        for path in paths:
            by_directory.setdefault(path.rpartition("/")[0], {}).setdefault(channel, path)
    best = min(by_directory.items(), key=lambda found: (-len(found[1]), found[0]))[1]
    return best if len(best) > 1 else {channel: paths[0] for channel, paths in channels.items()}


def channels_of(files: Mapping[str, str], stains: Mapping[str, str], notes: Notes) -> tuple[Channel, ...]:
    """Return the channels present, in the order of ``stains``.

    The structures of a channel are joined by `` + ``.
    """
    channels = tuple([Channel(files[channel], shows) for channel, shows in stains.items() if channel in files])
    if len(channels) < len(stains):
        notes.add("images with channels missing", next(iter(files.values())))
    return channels


def visible(channels: Iterable[Channel]) -> str:
    """Return all structures that the channels show, joined by ``|``."""
    return TOKEN_SEPARATOR.join(channel.structure for channel in channels).replace(_AND, TOKEN_SEPARATOR)


def field_images(
    folder: Folder,
    plate: str,
    paths: Iterable[str],
    name: re.Pattern[str],
    stains: Mapping[str, str],
    rows: Rows[Treatment],
    brightfield: str | None = None,
    no_row: Treatment = NOTHING_KNOWN,
    specimen: str | None = None,
    batch: str | None = None,
    together: bool = True,
) -> Generator[Image, None, int]:
    """Yield one image per field, joined to its well's row.

    Images are in order; the generator returns how many files were understood.

    Parameters
    ----------
    name : groups well (any spelling that ``parse_well`` reads, 384 wells), field (may be empty), channel
    stains : channel -> structures, as for ``channels_of``
    brightfield : the channel, if any, that is an image of its own, in transmitted light
    no_row : what is known of a well that no table names
    specimen : the physical plate, where ``plate`` is one of several measurements of it
    batch : what shares staining and acquisition, where that is more than the physical plate
    together : see ``fields``
    """
    found = 0
    physical = specimen or plate
    for (place, number), files in fields(paths, name, folder.notes, together):
        well = parse_well(place)
        if well is None:
            folder.notes.add_all("files without a known name", files.values())
            continue
        if not files:
            found += 1
            continue
        row = rows.get(plate, well, tuple(files.values())) or no_row
        if row.excluded:
            found += 1
            folder.notes.add_all(EXCLUDED, (f"{path}: {row.excluded}" for path in files.values()))
            continue
        key = f"{plate}_{well}_{number}" if number else f"{plate}_{well}"
        facts = WellFacts(f"{physical}_{well}", batch or physical, well, row)
        if brightfield in files:
            channel = (Channel(files.pop(brightfield), "brightfield"),)
            yield well_image(f"{key}_brightfield", channel, facts, "cell body", "brightfield")
            found += 1
        if files:
            channels = channels_of(files, stains, folder.notes)
            yield well_image(key, channels, facts, visible(channels))
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
    specimen_of: Callable[[str], str] = str,
) -> Iterator[Image]:
    """Yield the images of all plates with the same layout.

    Plates are in order; arguments are as for ``field_images``.

    Raises
    ------
    LayoutError
        At the end, where there are image files but none lies where ``looked_for`` says.
    """
    found = 0
    for plate, paths in sorted(by_plate(folder, (".tif", ".tiff"), plate_of).items()):
        found += yield from field_images(
            folder, plate, paths, name, stains, rows, brightfield, specimen=specimen_of(plate)
        )
    rows.note_unused()
    check_understood(folder, found, looked_for)


class WellFacts(NamedTuple):
    """What the images of a well share."""

    group: str
    batch: str
    well: str
    row: Treatment


def well_image(
    key: str, channels: tuple[Channel, ...], facts: WellFacts, shows: str, microscopy: str | None = None
) -> Image:
    """Return a field's image with its well's annotation."""
    return Image(
        key,
        channels,
        facts.group,
        cell_type=facts.row.cell_type,
        cell_visible=shows,
        phenotype=facts.row.phenotype,
        compound=facts.row.compound,
        gene=facts.row.gene,
        sirna=facts.row.sirna,
        microscopy=microscopy,
        batch=facts.batch,
        well=facts.well,
        control=facts.row.control,
    )


def check_understood(folder: Folder, images: int, looked_for: str, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> None:
    """Raise an error if no image matches the expected layout.

    A folder without images passes.

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
