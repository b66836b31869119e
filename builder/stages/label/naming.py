"""Tokens that the recipe drops or renames."""

from __future__ import annotations

import logging
from collections.abc import Callable

from builder.errors import UserError
from builder.recipe import Recipe
from builder.schema import TOKEN_SEPARATOR

log = logging.getLogger(__name__)


def naming(recipe: Recipe) -> Callable[[str], str | None]:
    """Return the function from a token to the label it gives; a token dropped under its old or new name gives none."""
    drop, rename = set(recipe.drop_labels), recipe.rename_labels
    for token, name in rename.items():
        if not name.strip() or TOKEN_SEPARATOR in name:
            raise UserError(f"recipe: rename_labels gives {token!r} the name {name!r}; a label is one token")

    def name_of(token: str) -> str | None:
        name = rename.get(token, token)
        return None if token in drop or name in drop else name

    return name_of


def warn_of_unknown(recipe: Recipe, tokens: set[str]) -> None:
    """Say which names in drop_labels and rename_labels are no token: a slip, or a source that is not there."""
    named = {name for token, name in recipe.rename_labels.items() if token in tokens}
    for field, known in (("drop_labels", tokens | named), ("rename_labels", tokens)):
        absent = sorted(set(getattr(recipe, field)) - known)
        if absent:
            log.warning("recipe: %s names %s, which no image has", field, ", ".join(map(repr, absent)))
