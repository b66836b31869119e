"""Recipe values that follow the data: thresholds and title.

The method's are for millions of images. Sources of one's own are small: where nothing else is set, a token becomes a
class with fewer images, and a token of every image (the organism of the only screen) becomes none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.store import Store
from builder.errors import UserError
from builder.recipe import Recipe
from builder.schema import CATEGORIES, TOKEN_SEPARATOR
from builder.sources import source_names
from builder.sources.base import Source
from builder.stages.annotate.stage import AnnotatedSource
from builder.stages.annotations import read_annotations

AUTO: Final = "auto"
FITTED: Final = ("min_images", "min_class_size")
_CLASSES: Final = 35
"""The number of images divided by min_images: that is 287 for 10,045 images, and less for fewer."""
_LEAST: Final = 2


class Auto(NamedTuple):
    """Which thresholds follow the data."""

    asked: frozenset[str] = frozenset()  # set to auto
    unset: frozenset[str] = frozenset()  # not set at all; fitted for sources of one's own

    @classmethod
    def taken_from(cls, values: dict[str, Any]) -> Auto:
        """Take thresholds set to ``auto`` out of a recipe's values.

        Raises
        ------
        UserError
            For ``auto`` where a key cannot follow the data.
        """
        asked = {name for name, value in values.items() if value == AUTO}
        if strange := sorted(asked - {*FITTED}):
            raise UserError(f"recipe: {strange[0]} cannot be auto; {' and '.join(FITTED)} can")
        for name in asked:
            del values[name]
        fitted = {*FITTED, "drop_labels"}
        return cls(frozenset(asked), frozenset(fitted - values.keys() - asked))


def fitted(work: Store, recipe: Recipe, auto: Auto, sources: Sequence[AnnotatedSource]) -> tuple[Recipe, list[str]]:
    """Return the recipe with thresholds that fit the annotated images.

    Also what is to be said of it, one line each. The recipe is as it was where nothing follows the data.
    """
    own = not {source.dir_name for source in sources} & {*source_names()}
    names = auto.asked | (auto.unset & {*FITTED} if own else frozenset())
    images = sum(source.images for source in sources)
    changes: dict[str, Any] = {}
    said = []
    usual = Recipe()
    if "min_images" in names:
        changes["min_images"] = min(usual.min_images, max(_LEAST, images // _CLASSES))
    least = changes.get("min_images", recipe.min_images)
    if "min_class_size" in names:
        whole = least >= usual.min_images
        changes["min_class_size"] = usual.min_class_size if whole else max(_LEAST, least // 2)
    if names and (images < _CLASSES * usual.min_images or auto.asked):
        numbers = ", ".join(f"{name}={changes[name]}" for name in FITTED if name in changes)
        said.append(f"label: {numbers} for {images:,} images (auto; set others with --set)")
    if own and "drop_labels" in auto.unset:
        constant, others = _constant_tokens(work, sources)
        if constant and others:
            changes["drop_labels"] = tuple(constant)
            said.append(
                f"label: {', '.join(constant)}: true of every image, so no class (--set drop_labels=[] keeps them)"
            )
    if all(getattr(recipe, name) == value for name, value in changes.items()):
        return recipe, said
    return dataclasses.replace(recipe, **changes), said


def named_by_source(recipe: Recipe, sources: Sequence[Source]) -> Recipe:
    """Return the recipe with the only source's title and citation.

    Only where it is one's own, and the recipe says nothing else.
    """
    if len(sources) != 1 or sources[0].dir_name in source_names() or recipe.title:
        return recipe
    (only,) = sources
    return dataclasses.replace(recipe, title=only.name, citation=recipe.citation or only.citation)


def _constant_tokens(work: Store, sources: Sequence[AnnotatedSource]) -> tuple[list[str], bool]:
    """Return the tokens of every image; are there others?"""
    table = read_annotations(work, [source.dir_name for source in sources], CATEGORIES)
    constant: dict[str, None] = {}
    others = False
    for name in CATEGORIES:
        cells = pc.unique(table[name].cast(pa.string())).to_pylist()
        tokens = [set(cell.split(TOKEN_SEPARATOR)) if cell else set() for cell in cells]
        common = set.intersection(*tokens) if tokens else set()
        constant |= dict.fromkeys(sorted(common))
        others = others or bool(set().union(*tokens) - common)
    return list(constant), others
