"""Schema of ``source.toml``, with suggestions for unknown keys."""

from __future__ import annotations

import difflib
import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, Union

import msgspec

from builder.errors import UserError
from builder.schema import CATEGORIES, extra_problem

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME: Final = "source.toml"
"""The declaration of a source: a file of this name in the source's folder."""

Category = Literal["organism", "cell_type", "cell_visible", "phenotype", "compound", "gene", "sirna"]


class Struct(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A table of the file."""


class Keep(Struct, frozen=True):
    """Which of several files of one field to take.

    Each is a number, "first", "middle", "last", "projection" or "all".
    """

    z: str | int = "middle"
    t: str | int = "all"
    run: str | int = "last"  # measurements, acquisitions and reads of one plate


class Pages(Struct, frozen=True):
    """How a file's pages map to images or channels.

    The last of ``order`` changes fastest.
    """

    order: list[Literal["channel", "field", "z"]] = msgspec.field(default_factory=lambda: ["channel"])
    fields: int | None = None  # pages // (channels x planes) where it is not said
    planes: int = 1


class Files(Struct, frozen=True):
    """How file and folder names describe an image.

    Just one of layout, pattern, regex and class_folders is given.
    """

    layout: str = ""
    pattern: str = ""
    regex: str = ""
    class_folders: Category | Literal[""] = ""
    class_level: int = 0  # the folder whose name is the class: 1 the highest, 0 the one that holds the image
    suffixes: list[str] = []
    exclude: list[str] = []
    keep_non_images: bool = False  # take thumbnails, masks and illumination functions too
    keep: Keep = Keep()
    plate_columns: int = 24  # for wells that are running numbers
    count_wells: Literal["rows", "columns"] = "rows"
    first_row: Literal[0, 1] = 1  # the number of row A and column 1 where both are numbers
    pages: Pages | None = None
    plane: Literal["middle", "max", "first"] = "first"  # of files that are stacks
    metadata: Literal["folder", "file"] = "folder"  # whose OME-XML names channels: that of a file a folder, or of each
    missing_chunks: Literal["refuse", "fill"] = "refuse"  # of OME-Zarr: "fill" where what is blank was not written


class Fact(Struct, frozen=True):
    """A fact made from others.

    ``from`` is a fact's name or a text with ``{names}``; the value can be cut out and renamed.
    """

    source: str = msgspec.field(name="from")
    cut: str = ""
    values: dict[str, str] = {}
    lower: bool = False
    upper: bool = False
    number: bool = False  # 07 is 7


class Table(Struct, frozen=True):
    """A table that says more of images.

    The keys state the file, its shape, what it is joined by, and what is taken.
    """

    file: str
    shape: Literal["auto", "long", "grid"] = "auto"
    sheet: str | int = 0  # its name or number; "*": every sheet
    delimiter: str = ""
    encoding: str = ""
    header: int | list[int] = 0  # rows of column names, from 0
    decimal_comma: bool = False
    fill_down: list[str] = []
    name: str = ""  # of the value in a grid, where the sheet does not say it
    join: dict[str, str] = {}  # fact -> column
    take: dict[str, str] = {}  # fact -> column; every column under its own name where it is empty
    where: dict[str, str | list[str]] = {}  # rows to take
    leave_out: dict[str, str | list[str]] = {}  # images of these rows are left out
    empty: dict[str, str] = {}  # column -> what an empty cell means
    required: bool = False  # leave out images without a row


class ExtraColumn(Struct, frozen=True):
    """A column that the source adds to the package."""

    source: str = msgspec.field(name="from", default="")  # the fact of the column's name where it is not said
    type: Literal["text", "number", "integer", "boolean"] = "text"
    unit: str = ""
    description: str = ""


class Listing(Struct, frozen=True):
    """A table, or COCO file, with one row per image.

    Rows give the files, boxes, and anything else as facts.
    """

    file: str
    paths: str = ""  # a column, or a text with {columns}
    channels: dict[str, str] = {}  # what a channel shows -> its column of paths
    box: list[str] = []  # four columns: x_min, y_min, x_max, y_max
    box_is: Literal["corners", "corner and size"] = "corners"
    boxes: Literal["images", "agree", "any"] = "images"  # each box an image; or its file, if all agree; or all names
    sheet: str | int = 0
    delimiter: str = ""
    encoding: str = ""


class Declaration(Struct, frozen=True):
    """All of ``source.toml``."""

    title: str
    license: str = ""
    license_url: str = ""
    commercial_use: bool | None = None
    derivatives: bool | None = None
    citation: str = ""
    database: str = "own"
    accession: str = ""
    url: str = ""

    organism: str = ""
    cell_type: str = ""
    cell_visible: str = ""
    phenotype: str = ""
    compound: str = ""
    gene: str = ""
    sirna: str = ""
    microscopy: str = ""

    single_object: bool = False
    pixel_size_um: float | None = None
    group: str = ""
    batch: str = ""
    key: str = ""
    specimen: str = ""
    separate_channels: bool = False

    files: Files = Files()
    listing: Listing | None = msgspec.field(name="list", default=None)
    channels: dict[str, str] = {}
    plate_channels: dict[str, dict[str, str]] = {}
    facts: dict[str, Fact] = {}
    tables: list[Table] = []
    columns: dict[str, str] = {}
    extra: dict[str, str | ExtraColumn] = {}  # a text is the fact
    values: dict[str, dict[str, str]] = {}


def extras_of(declared: Declaration) -> dict[str, ExtraColumn]:
    """Return the columns that a declaration adds.

    Each names the fact that it is made from.
    """
    found = {}
    for name, column in declared.extra.items():
        column = ExtraColumn(column) if isinstance(column, str) else column
        found[name] = column if column.source else msgspec.structs.replace(column, source=name)
    return found


COLUMNS: Final = (*CATEGORIES, "microscopy", "control", "timepoint", "z", "well", "pixel_size_um")
"""What ``columns`` may map a fact to."""


def parse(text: str, where: str) -> Declaration:
    """Read a declaration.

    Raises
    ------
    UserError
        With ``where``, for what is no TOML, an unknown key, a wrong type, or keys that exclude each other.
    """
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{where}: {error}") from None
    for problem in _unknown(values, Declaration, ""):
        raise UserError(f"{where}: {problem}")
    try:
        declared = msgspec.convert(values, Declaration)
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {str(error).replace('`$.', '`').replace('$.', '')}") from None
    for problem in _problems(declared):
        raise UserError(f"{where}: {problem}")
    return declared


def _unknown(values: Mapping[str, Any], struct: type[msgspec.Struct], at: str) -> Iterator[str]:
    """Yield a message per unknown key with the nearest match."""
    hints = typing.get_type_hints(struct)
    known = {field.encode_name: hints[field.name] for field in msgspec.structs.fields(struct)}
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            yield f"unknown key {key!r}{f' in [{at}]' if at else ''}; {hint}"
        else:
            yield from _unknown_within(value, known[key], f"{at}.{key}".strip("."))


def _unknown_within(value: Any, hint: Any, at: str) -> Iterator[str]:
    options = typing.get_args(hint) if typing.get_origin(hint) in (Union, types.UnionType) else (hint,)
    for option in options:
        origin, arguments = typing.get_origin(option), typing.get_args(option)
        if isinstance(option, type) and issubclass(option, msgspec.Struct) and isinstance(value, dict):
            yield from _unknown(value, option, at)
        elif origin is dict and isinstance(value, dict):
            for key, item in value.items():
                yield from _unknown_within(item, arguments[1], f"{at}.{key}")
        elif origin is list and isinstance(value, list):
            for item in value:
                yield from _unknown_within(item, arguments[0], at)


def _problems(declared: Declaration) -> Iterator[str]:
    """Yield what types cannot say."""
    files = declared.files
    ways = [name for name in ("layout", "pattern", "regex", "class_folders") if getattr(files, name)]
    ways += ["list"] if declared.listing else []
    if len(ways) != 1:
        said = " and ".join(ways) or "none"
        yield f"say by one of files.layout, files.pattern, files.regex, files.class_folders and list, not by {said}"
    for name in (*CATEGORIES, "microscopy"):
        if fact := re.fullmatch(r"\{(\w+)\}", getattr(declared, name).strip()):
            yield f"{name} is one value for all images; what differs is mapped in [columns]: {name} = {fact[1]!r}"
    for name in declared.columns:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            yield f"unknown column {name!r} in [columns]; {hint}known are {', '.join(COLUMNS)}"
    for name, column in extras_of(declared).items():
        if problem := extra_problem(name, column.type):
            yield f"[extra]: {problem}"
    for name in declared.values:
        if name not in COLUMNS:
            yield f"unknown column {name!r} in [values]; known are {', '.join(COLUMNS)}"
    if declared.listing and declared.listing.box and len(declared.listing.box) != 4:
        yield f"list.box names four columns, x_min, y_min, x_max and y_max, not {len(declared.listing.box)}"
    if not declared.title.strip():
        yield "title must not be empty: the card and the table of sources show it"
