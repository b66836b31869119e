"""Labels of tokens, with the recipe's drops and renames applied.

Tokens that the vocabulary lists as no class have none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from builder.errors import UserError
from builder.recipe import Recipe
from builder.schema import TOKEN_SEPARATOR
from builder.vocabulary import why_no_class

log = logging.getLogger(__name__)


def naming(recipe: Recipe, category: str) -> Callable[[str], str | None]:
    """Return the function that maps a category's tokens to labels.

    A token dropped under its old or new name gives none; nor does one that the vocabulary lists as no class
    (``no_class.csv``), unless the recipe renames it.
    """
    drop, rename = set(recipe.drop_labels), recipe.rename_labels
    for token, name in rename.items():
        if not name.strip() or TOKEN_SEPARATOR in name:
            raise UserError(f"recipe: rename_labels gives {token!r} the name {name!r}; a label is one token")

    def name_of(token: str) -> str | None:
        name = rename.get(token, token)
        if token in drop or name in drop or (token not in rename and why_no_class(category, token)):
            return None
        return name

    return name_of


def warn_of_unknown(recipe: Recipe, tokens: set[str]) -> None:
    """Warn of dropped or renamed names that are not tokens.

    These are names in drop_labels and rename_labels. Such a name is a slip, or its source is absent.
    """
    named = {name for token, name in recipe.rename_labels.items() if token in tokens}
    for field, known in (("drop_labels", tokens | named), ("rename_labels", tokens)):
        absent = sorted(set(getattr(recipe, field)) - known)
        if absent:
            log.warning("recipe: %s names %s, which no image has", field, ", ".join(map(repr, absent)))
