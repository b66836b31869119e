"""Shared code of the four Recursion data sets.

A site is one record; its channel files join a table by their path.

Layout (https://github.com/recursionpharma/rxrx-datasets): ``…/<experiment>/Plate<plate>/<well>_s<site>_w<channel>.png``
and one ``metadata.csv`` with one row per site. Only the last three parts of a path count, so any root will do.
Experiment numbers are padded in one set (HUVEC-01) and not in the next, and differently in prose and data: they join as
numbers. A site without a row gives no image: the tables leave out wells that failed the makers' quality control.

Specimen: a well, imaged once at one to four sites; the group is experiment, plate and well. Copies of a site in
another folder are left out. The batch is the experiment: a run of plates, cultured, stained and imaged together. The
sets are different experiments, though names (HUVEC-1) come again.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from builder.schema import CONTROLS
from builder.sources.base import Image
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.screens import channels_of, check_understood, visible
from builder.sources.common.tables import Rows, read_table

STAINS: Final = {"1": "nucleus", "2": "er", "3": "actin", "4": "nucleoli", "5": "mitochondria", "6": "golgi"}
"""Hoechst, concanavalin A, phalloidin, Syto14, MitoTracker, wheat germ agglutinin."""

TABLE: Final = "metadata.csv"
_SITE = re.compile(r"(?:^|/)([a-z0-9]+)-0*(\d+)/plate0*(\d+)/([a-z]{1,2}\d\d)_s0*(\d+)$", re.IGNORECASE)
_EXPERIMENT = re.compile(r"([a-z0-9]+)-0*(\d+)", re.IGNORECASE)
_PLACE: Final = ("experiment", "plate", "well")


class Annotation(NamedTuple):
    """The annotation of a site, spelt as in the table."""

    cell_type: str | None = None
    compound: str | None = None
    phenotype: str | None = None
    sirna: str | None = None
    control: str | None = None


def treatment(text: str) -> str | None:
    """Return the treatment's name, or None for an untreated well.

    An untreated well is blank or ``EMPTY``.
    """
    return None if text.upper() in ("", "EMPTY") else text


def control(role: str) -> str | None:
    """Return the control type for ``positive_control`` or ``negative_control``."""
    kind = role.lower().removesuffix("_control")
    return kind if kind in CONTROLS else None


def read_sites(
    folder: Folder,
    columns: Sequence[str],
    annotate: Callable[[Sequence[str]], Annotation],
    optional: Sequence[str] = (),
) -> Rows[Annotation]:
    """Read every ``metadata.csv`` of the folder into rows by site.

    Keys are (``HUVEC-1_2``, ``B02_1``): experiment and plate, well and site.

    Parameters
    ----------
    columns, optional : those that ``annotate`` is given the values of, in this order; '' for an absent optional one

    Raises
    ------
    LayoutError
        Where there is no such table, or one lacks a column.
    """
    tables = folder.named(TABLE) or folder.named(f"{TABLE}.gz")
    if not tables:
        raise no_table(folder, TABLE)
    rows: Rows[Annotation] = Rows(folder.notes)
    for table in tables:
        for experiment, plate, well, site, *values in read_table(folder, table, (*_PLACE, "site", *columns), optional):
            place = plate_name(experiment, plate)
            if place is None or not site.isdecimal():
                folder.notes.add("malformed rows", f"{table}: {experiment} {plate} {well} {site}")
            else:
                rows.add(place, f"{well.upper()}_{int(site)}", annotate(values), table)
    return rows


@functools.lru_cache(maxsize=1 << 12)
def plate_name(experiment: str, plate: str) -> str | None:
    """Return the plate's canonical name, such as ``HUVEC-1_2``.

    It is the same in any copy of the data; None if this is no experiment or plate.
    """
    match = _EXPERIMENT.fullmatch(experiment)
    return f"{match[1].upper()}-{match[2]}_{int(plate)}" if match and plate.isdecimal() else None


def no_table(folder: Folder, wanted: str) -> LayoutError:
    """Return the error for a folder without its table."""
    found = ", ".join(itertools.islice(folder.paths(), 3)) or "nothing"
    return LayoutError(f"{folder.root}: looked for {wanted} at any depth; found {len(folder)} files: {found}")


def site_images(
    folder: Folder, find: Callable[[str, str, Sequence[str]], Annotation | None], stains: Mapping[str, str]
) -> Iterator[Image]:
    """Yield one image per annotated site.

    Channels are in the order of ``stains``; missing ones are left out.

    Parameters
    ----------
    find : (plate name, well and site, files) -> annotation, None where no row names the site
    stains : channel number in the file name -> what it shows

    Raises
    ------
    LayoutError
        Where there are PNGs and none of them is named so.
    """
    seen: set[str] = set()
    named = 0
    for stem, group in itertools.groupby(folder.paths(".png"), key=_site_stem):
        paths = tuple(group)
        match = _SITE.search(stem)
        if not match:
            folder.notes.add_all("files without a known name", paths)
            continue
        named += 1
        cells, number, plate, well, site = match.groups()
        place, well, field = f"{cells.upper()}-{number}_{plate}", well.upper(), f"{well.upper()}_{site}"
        files = {path[len(stem) + 2 : -4]: path for path in paths}
        folder.notes.add_all("files of an unknown channel", (files[number] for number in files.keys() - stains.keys()))
        key = f"{place}_{field}"
        if key in seen:
            folder.notes.add_all("files of a site found before, in another folder", paths)
            continue
        annotation = find(place, field, paths)
        if annotation is None or files.keys().isdisjoint(stains):
            continue
        seen.add(key)
        channels = channels_of(files, stains, folder.notes)
        yield Image(
            key=key,
            channels=channels,
            group=f"{place}_{well}",
            cell_visible=visible(channels),
            cell_type=annotation.cell_type,
            compound=annotation.compound,
            phenotype=annotation.phenotype,
            sirna=annotation.sirna,
            batch=f"{cells.upper()}-{number}",
            well=well,
            control=annotation.control,
        )
    check_understood(folder, named, "…/<experiment>-<number>/Plate<number>/<well>_s<site>_w<channel>.png", (".png",))


def table_images(
    folder: Folder,
    columns: Sequence[str],
    annotate: Callable[[Sequence[str]], Annotation],
    stains: Mapping[str, str] = STAINS,
    optional: Sequence[str] = (),
) -> Iterator[Image]:
    """Yield one image per site of a set with ``metadata.csv``.

    See ``read_sites`` and ``site_images``.
    """
    rows = read_sites(folder, columns, annotate, optional)
    yield from site_images(folder, rows.get, stains)
    rows.note_unused()


def _site_stem(path: str) -> str:
    return path[:-4].rpartition("_w")[0] or path
