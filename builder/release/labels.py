"""The category of each label of the published release.

Where rows state it and where they do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from builder.recipe import Recipe
from builder.schema import CATEGORIES, TOKEN_SEPARATOR
from builder.sources.common.folder import Notes


def has_token(label: str, cell: str | None) -> bool:
    """Return whether a cell holds a label as a token.

    The release writes `` -- `` in cells as ``/`` in labels.
    """
    tokens = (cell or "").split(TOKEN_SEPARATOR)
    return label in tokens or label in (token.replace(" -- ", "/") for token in tokens)


class Categories:
    """What the rows of each label say about its category."""

    def __init__(self) -> None:
        self.without_token = 0  # rows whose label is no token of the category that they state
        self._stated: dict[str, Counter[str]] = {}
        self._found: dict[str, Counter[str]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row towards its label's category.

        That is the category it states, or else those whose cells hold its label.
        """
        label, stated = row["label"], row["category"]
        if stated in CATEGORIES:
            self._stated.setdefault(label, Counter())[stated] += 1
            self.without_token += not has_token(label, row[stated])
        else:
            found = self._found.setdefault(label, Counter())
            found.update(category for category in CATEGORIES if has_token(label, row[category]))

    def by_label(self, notes: Notes) -> dict[str, str]:
        """Return the category of each label.

        It is the one that most of its rows state, or else that most have it as a token. Ties go in the method's order.
        Labels whose rows disagree are noted, and those without any category.
        """
        order = {category: place for place, category in enumerate(Recipe().categories)}
        categories: dict[str, str] = {}
        for label in sorted(self._stated.keys() | self._found.keys()):
            votes = self._stated.get(label) or self._found[label]
            if not votes:
                notes.add("labels whose category no row tells, left out", label)
                continue
            if len(votes) > 1 and votes is self._stated.get(label):
                notes.add("labels whose rows state several categories", f"{label}: {', '.join(sorted(votes))}")
            categories[label] = min(votes, key=lambda category: (-votes[category], order[category]))
        return categories
