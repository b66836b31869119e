"""A declaration as a ``Source``, equivalent to a Python adapter."""

from __future__ import annotations

from typing import Final

from builder.errors import UserError
from builder.schema import CATEGORIES
from builder.sources.base import Extra, Source
from builder.sources.declared.choice import check_rules
from builder.sources.declared.declaration import Declaration, extras_of, parse
from builder.sources.declared.images import Images
from builder.sources.declared.layouts import layout_of
from builder.sources.declared.terms import license_of

_CONSTANTS: Final = (*CATEGORIES, "microscopy")


def read_source(content: bytes, dir_name: str, where: str) -> Source:
    """Return the source that the content of a ``source.toml`` declares.

    Raises
    ------
    UserError
        With ``where``, for what cannot be used.
    """
    try:
        return source_of(parse(content.decode("utf-8-sig"), where), dir_name)
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except UserError as error:
        text = str(error)
        raise UserError(text if text.startswith(where) else f"{where}: {text}") from None


def source_of(declared: Declaration, dir_name: str) -> Source:
    """Return the source that a declaration states.

    Raises
    ------
    UserError
        For a layout, pattern or rule that is none.
    """
    if wrong := check_rules(declared.files.keep):
        raise UserError(wrong)
    if declared.listing is None and not declared.files.class_folders:
        layout_of(declared.files)
    constants = {name: value for name in _CONSTANTS if (value := getattr(declared, name))}
    return Source(
        dir_name=dir_name,
        database=declared.database,
        name=declared.title,
        accession=declared.accession or dir_name,
        url=declared.url,
        downloads=(),
        license=license_of(declared),
        citation=declared.citation or f"{declared.title} (unpublished)",
        formats=("as declared",),
        images=Images(declared),
        constants=constants,
        specimen=declared.specimen or declared.group or "as declared",
        repeats="as declared",
        batch_unit=declared.batch or "plate",
        single_object=declared.single_object,
        pixel_size_um=declared.pixel_size_um,
        extra={
            name: Extra(column.type, column.unit, column.description) for name, column in extras_of(declared).items()
        },
    )
