"""What columns of people's tables and names of channels mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from builder.sources.declared.facts import plain
from builder.sources.declared.planned import TRANSMITTED

_CATEGORIES: Final = {
    "compound": "compound drug treatment chemical molecule compoundname perturbagen pertiname agent substance "
    "broadsample pert drugname inhibitor",
    "gene": "gene genesymbol targetgene genename knockdown knockout target symbol",
    "sirna": "sirna sirnaid oligo",
    "cell_type": "cell cells cellline celltype line",
    "phenotype": "phenotype class label category diagnosis phase condition outcome moa mechanism state disease",
    "organism": "organism species",
    "microscopy": "microscopy modality",
}
COLUMN_OF: Final = {name: column for column, names in _CATEGORIES.items() for name in names.split()} | {
    **dict.fromkeys(("control", "controltype", "wellrole", "role", "welltype"), "control"),
    **dict.fromkeys(("pixelsizeum", "pixelsize"), "pixel_size_um"),
}
"""Plain name of a column of a table -> the column of the package."""

_PLACES: Final = """plate plateid platename barcode platebarcode assayplatebarcode well wellid wellname wellposition
row col wellrow wellcol field fieldid t z filename filepath path file url index id"""
PLACES: Final = frozenset(_PLACES.split())
"""Plain names of columns that say where an image lies."""

_STAINS: Final = (
    (r"dapi|hoechst|\bdna\b|draq|nucle(?:us|i)|405", "nucleus"),
    (r"phalloidin|actin", "actin"),
    (r"tubulin|microtub", "microtubule"),
    (r"mito(?!s)", "mitochondrion"),
    (r"\ber\b|cona|concanavalin|calnexin", "endoplasmic reticulum"),
    (r"agp|golgi|wga", "golgi apparatus"),
    (r"syto|\brna\b", "nucleolus"),
    (r"lyso", "lysosome"),
    (r"membrane|cellmask|wheat", "cell membrane"),
    (r"phase|ph\d?$", "phase contrast"),
    (r"\bdic\b", "dic"),
    (r"bright|\bbf\b|\btl\b|transmi", "brightfield"),
)
_DYES: Final = re.compile(
    r"(?:e?gfp|[ry]fp|cfp|mcherry|fitc|tritc|cy[2357]|texas ?red|alexa.*|a?f?\d{3}|red|green|blue|far ?red)",
    re.IGNORECASE,
)
_UNIT: Final = re.compile(
    r"[\s_]*[(\[]\s*([^)\]]{1,12})\s*[)\]]\s*$|[\s_]+(um|µm|μm|nm|mm|pm|ug|mg|ng|h|hours|min|days|percent|%)$", re.I
)
_TRUTHS: Final = frozenset(("true", "false", "yes", "no"))


def stain_of(name: str) -> str:
    """Return what a channel of this name most likely shows.

    Its own name where nothing is known of it.
    """
    lower = re.sub(r"[_\-]", " ", name.lower())
    return next((shows for pattern, shows in _STAINS if re.search(pattern, lower)), name)


def is_stain(name: str) -> bool:
    """Return whether a word names a dye, protein or filter."""
    return stain_of(name) != name or _DYES.fullmatch(name) is not None


def is_transmitted(shows: str) -> bool:
    """Return whether a channel is imaged without fluorescence."""
    return shows.lower() in TRANSMITTED


def category_of(name: str) -> str | None:
    """Return the package's column that a table's column gives.

    None where it is none of them.
    """
    key = plain(name)
    key = key.removeprefix("metadata") if key.startswith("metadata") else key
    return COLUMN_OF.get(key)


def is_place(name: str) -> bool:
    """Return whether a column says where an image lies."""
    key = plain(name)
    return key in PLACES or key.removeprefix("imagemetadata").removeprefix("metadata") in PLACES


def extra_name(name: str) -> tuple[str, str]:
    """Return the name of an extra column, and its unit."""
    match = _UNIT.search(name)
    unit = (match[1] or match[2]) if match else ""
    base = name[: match.start()] if match else name
    text = re.sub(r"[^a-z0-9]+", "_", base.lower()).strip("_")
    return (text if text[:1].isalpha() else f"column_{text}")[:63].rstrip("_"), unit


def type_of(values: Sequence[str]) -> str:
    """Return the type that all values have, of ``schema.EXTRA_TYPES``."""
    known = [value.strip() for value in values if value.strip()]
    if not known:
        return "text"
    if all(value.lower() in _TRUTHS for value in known):
        return "boolean"
    if all(re.fullmatch(r"[+-]?(?:0|[1-9]\d{0,17})", value) for value in known):
        return "integer"
    try:
        return "number" if all(abs(float(value)) < float("inf") for value in known) else "text"
    except ValueError:
        return "text"
