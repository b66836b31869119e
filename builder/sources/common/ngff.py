"""OME-Zarr stores in place of an IDR study's files.

IDR's conversions are a store a plate (or an image), called ``<name>.ome.zarr`` or by its number in IDR, ``9512.zarr``;
in the BioImage Archive it lies in a folder named by a UUID. The name is in the metadata as well. Lists:
https://idr.github.io/ome-ngff-samples and https://github.com/IDR/mkngff_upgrade_scripts; the name is written by
https://github.com/ome/omero-cli-zarr (``raw_pixels.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from typing import Final, NamedTuple

from builder.engine.trees import ARCHIVES
from builder.sources.base import Channel, Image
from builder.sources.common.folder import Folder
from builder.sources.common.ome_zarr import OmeImage, ome_images
from builder.sources.common.screens import NOTHING_KNOWN, Treatment, WellFacts, visible, well_image
from builder.sources.common.tables import Rows
from builder.sources.common.wells import parse_well

OTHER_CHANNELS: Final = "stores with other channels than the study's, left out"
COPIES: Final = "stores of images that are there as files, left out"
_ENDINGS: Final = (".zarr.zip", ".zarr", ".ozx", ".ome")


class PlateField(NamedTuple):
    """A field of a plate; ``number`` is from 0."""

    path: str
    plate: str
    well: str
    number: int
    image: OmeImage


def plate_fields(folder: Folder) -> Iterator[PlateField]:
    """Yield all plates' fields, by plate, well and number.

    Wells that no one reads are noted.
    """
    found = []
    for path, image in _stores(folder).items():
        inside = path[len(image.root) :].strip("/").split("/")
        if len(inside) != 3:
            continue
        well = parse_well(f"{inside[0]}{inside[1]}")
        if well is None or not inside[2].isdigit():
            folder.notes.add("files without a known name", path)
        else:
            found.append(PlateField(path, image.name or stem(image.root), well, int(inside[2]), image))
    yield from sorted(found, key=lambda field: field[1:4])


def single_images(folder: Folder) -> Iterator[tuple[str, OmeImage]]:
    """Yield the images of no plate, and their paths, sorted."""
    for path, image in _stores(folder).items():
        if path.count("/") - image.root.count("/") < 3:
            yield path, image


def _stores(folder: Folder) -> dict[str, OmeImage]:
    return ome_images(folder) if folder.arrays or any(folder.paths(*ARCHIVES)) else {}


def stem(path: str) -> str:
    """Return a store's name without its endings."""
    name = path.rpartition("/")[2]
    for ending in _ENDINGS:
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return name


def treated_images(
    folder: Folder,
    plate_of: Callable[[str], str | None],
    stains: Callable[[str, Sequence[str]], Sequence[str]],
    rows: Rows[Treatment],
    there: Collection[str],
    number: str = "{}",
    batch: Callable[[str], str | None] = lambda _: None,
) -> Generator[Image, None, int]:
    """Yield one image per field of a screen's stores.

    They are those that ``field_images`` would make of files; the generator returns how many there were.

    Parameters
    ----------
    plate_of : a store's name -> plate, None for no plate of this source
    stains : plate and names of channels -> what each channel shows
    there : plates of which there are files, whose stores are left out
    number : how keys have a field's number
    """
    found = 0
    for field in plate_fields(folder):
        plate = plate_of(field.plate)
        if plate is None:
            folder.notes.add("files in no known plate folder", field.path)
            continue
        found += 1
        if plate in there:
            folder.notes.add(COPIES, field.path)
            continue
        row = rows.get(plate, field.well, (field.path,)) or NOTHING_KNOWN
        shown = channels(folder, field.path, field.image, stains(plate, field.image.channels))
        if shown:
            facts = WellFacts(f"{plate}_{field.well}", batch(plate) or plate, field.well, row)
            yield well_image(f"{plate}_{field.well}_{number.format(field.number + 1)}", shown, facts, visible(shown))
    return found


def channels(folder: Folder, path: str, image: OmeImage, shows: Sequence[str]) -> tuple[Channel, ...]:
    """Return an image's channels; () for another number, noted.

    Of a stack each is the plane in the middle, of a series of times the first.
    """
    if image.size("c") != len(shows):
        folder.notes.add(OTHER_CHANNELS, f"{path}: {image.size('c')} channels, not {len(shows)}")
        return ()
    key, middle = image.key(), image.size("z") // 2
    return tuple(Channel(key, what, image.plane(c=number, z=middle)) for number, what in enumerate(shows))
