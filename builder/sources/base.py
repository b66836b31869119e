"""Source definition: its facts, its folder and its rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from builder.sources.common.folder import Folder

MIDDLE_PLANE: Final = -1
"""Read the plane in the middle of a stack."""
MAX_PROJECTION: Final = -2
"""Read the largest value over all planes of a stack."""


class Channel(NamedTuple):
    """One file or plane, and what it shows."""

    path: str  # below the source's folder, with "/"
    structure: str  # "nucleus", "actin" ...: a token of cell_visible, or "brightfield"
    plane: int = 0  # page of a stack, from 0; or MIDDLE_PLANE, MAX_PROJECTION


class Region(NamedTuple):
    """A box in the file, in pixels.

    Upper bounds are excluded: ``pixels[y_min:y_max, x_min:x_max]``.
    """

    x_min: int
    x_max: int
    y_min: int
    y_max: int


class Image(NamedTuple):
    """One image (record) of a source, with its annotations.

    Annotations are as the source gives them, several tokens joined by ``|``. Values are normalised later, by
    ``builder.vocabulary``; null columns are filled from the source's constants. ``key`` is unique in the source and
    depends on nothing but the image: usually the first channel's file name parts. ``group`` is the specimen: the
    physical thing whose images must not be on both sides of the split, however often and by whatever microscope it was
    imaged; unique in its source. One that starts with ``shared:`` is the same group in every source that names it
    (``shared:hpa:<uuid>``). What follows ``region`` is None where the source does not tell; nothing is guessed:

    - ``batch``: plate, experiment, slide or session, which share staining and acquisition; named as ``group`` is
    - ``single_object``: the image, or its region, shows one cell, nucleus or embryo, and must stay whole
    - ``well``: as ``wells.parse_well`` writes it, ``A01``
    - ``control``: one of ``schema.CONTROLS``
    - ``pixel_size_um``: side of a pixel in the specimen, in micrometres
    - ``timepoint``: of an image in a time series, in the source's words
    - ``z``: the source's number of a plane in a focal series
    - ``extra``: values of the columns that the source adds, by name (``Source.extra``)
    """

    key: str
    channels: tuple[Channel, ...]
    group: str
    size: tuple[int, int] | None = None  # width and height of its files as seen, where a table states them
    organism: str | None = None
    cell_type: str | None = None
    cell_visible: str | None = None
    phenotype: str | None = None
    compound: str | None = None
    gene: str | None = None
    sirna: str | None = None
    microscopy: str | None = None
    region: Region | None = None
    batch: str | None = None
    single_object: bool = False
    well: str | None = None
    control: str | None = None
    pixel_size_um: float | None = None
    timepoint: str | None = None
    z: int | None = None
    extra: Mapping[str, Any] | None = None


class License(NamedTuple):
    """Terms of one source."""

    id: str
    name: str
    url: str
    commercial_use: bool | None
    derivatives: bool | None  # may changed images be published?

    @property
    def restricted(self) -> bool:
        """True where the terms forbid publishing changed images."""
        return self.derivatives is False


class Download(NamedTuple):
    """One file to fetch; ``size`` in bytes, None if unknown.

    ``sha256`` is that which its source publishes, '' where it publishes none.
    """

    url: str
    size: int | None = None
    sha256: str = ""


class Extra(NamedTuple):
    """A column that a source adds to the package.

    It is null in the rows of other sources.
    """

    type: str = "text"  # text, number, integer or boolean: schema.EXTRA_TYPES
    unit: str = ""
    description: str = ""


@dataclasses.dataclass(frozen=True)
class Source:
    """The facts of a source and its image finder.

    ``constants`` holds what is true of every image (organism, cell_type ..., microscopy), in Image's columns;
    ``expected_images`` and ``expected_tokens`` (category -> number of distinct tokens) describe the full download.

    ``specimen``, ``repeats`` and ``batch_unit`` say in a few words what a group is, how often and by what one is
    imaged, and what a batch is ("not stated" where the source does not tell): the documentation's table of sources
    lists them. ``single_object`` and ``pixel_size_um`` hold for every image that does not say otherwise. ``extra`` are
    columns beyond those of every package, by name, whose values are in ``Image.extra``.
    """

    dir_name: str
    database: str
    name: str
    accession: str
    url: str
    downloads: tuple[Download, ...]
    license: License
    citation: str
    formats: tuple[str, ...]
    images: Callable[[Folder], Iterator[Image]]
    constants: Mapping[str, str] = dataclasses.field(default_factory=dict)
    expected_images: int | None = None
    expected_tokens: Mapping[str, int] = dataclasses.field(default_factory=dict)
    simulated: bool = False
    specimen: str = ""
    repeats: str = ""
    batch_unit: str = ""
    single_object: bool = False
    pixel_size_um: float | None = None
    extra: Mapping[str, Extra] = dataclasses.field(default_factory=dict)
