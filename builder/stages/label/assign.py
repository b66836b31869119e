"""Weak labels: which classes exist, and which image has which.

See method, section 2, and arXiv 2111.11646, section 3.1. Tokens match exactly. Strata are exact shares by largest
remainders. Everything is drawn from the seed and the images' ``idx``, so that neither the order of the rows nor the
number of threads matters.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from builder.draw import key64
from builder.errors import UserError
from builder.recipe import Recipe
from builder.schema import ASSIGNMENTS
from builder.stages.label.index import Column, Rows, TokenIndex, encode, unique_keys
from builder.stages.label.naming import naming, warn_of_unknown
from builder.stages.label.sampling import stratified


class Label(NamedTuple):
    """A potential label: name, column and number of matching rows."""

    name: str
    category: str
    rows: int


class Step(NamedTuple):
    """The outcome of a label's turn; row numbers are unordered."""

    label: Label
    candidates: Rows  # hold the token
    free: Rows  # of these, taken by no earlier label
    presample: Rows | None  # of these, the first draw, where there was one
    taken: Rows  # empty where too few were free
    drawn: bool  # were some left out by lot?
    strata: tuple[str, ...]  # columns of the last draw

    @property
    def pool(self) -> Rows:
        """What the last draw was made from."""
        return self.free if self.presample is None else self.presample


class Labelling:
    """The annotation table made ready for assignment.

    Parameters
    ----------
    annotations : needs ``idx``, the recipe's categories and the columns of its strata, as texts
    recipe : see ``columns_needed``
    """

    def __init__(self, annotations: pa.Table, recipe: Recipe) -> None:
        missing = [name for name in columns_needed(recipe) if name not in annotations.column_names]
        if missing:
            raise UserError(f"the annotations lack the columns {', '.join(missing)}; annotate the sources again")
        self.recipe = recipe
        self.annotations = annotations
        self.keys = unique_keys(annotations["idx"])
        names = dict.fromkeys((*recipe.categories, *recipe.presample_strata, *recipe.strata))
        self.columns: dict[str, Column] = {name: encode(annotations[name]) for name in names}
        self.index = {
            category: TokenIndex(self.columns[category], naming(recipe, category)) for category in recipe.categories
        }
        warn_of_unknown(recipe, {token for index in self.index.values() for token in index.tokens})

    def potential(self) -> list[Label]:
        """Return the potential labels in the order of assignment.

        Fewest rows come first, then category, then name.
        """
        best: dict[str, Label] = {}
        for category in self.recipe.categories:  # the earlier category wins a tie
            for name, rows in self.index[category].counts.items():
                if rows >= self.recipe.min_images and (name not in best or rows > best[name].rows):
                    best[name] = Label(name, category, rows)
        rank = {category: place for place, category in enumerate(self.recipe.categories)}
        return sorted(best.values(), key=lambda label: (label.rows, rank[label.category], label.name))

    def steps(self) -> Iterator[Step]:
        """Assign: yield one step a potential label, in order."""
        used = np.zeros(self.annotations.num_rows, bool)
        for label in self.potential():
            candidates = self.index[label.category].rows(label.name)
            step = self._step(label, candidates, candidates[~used[candidates]])
            used[step.taken] = True
            yield step

    def at(self, min_images: int) -> Labelling:
        """Return the same table with another threshold, sharing the index."""
        other = copy.copy(self)
        other.recipe = dataclasses.replace(self.recipe, min_images=min_images)
        return other

    def _step(self, label: Label, candidates: Rows, free: Rows) -> Step:
        recipe = self.recipe
        if len(free) < recipe.min_images:
            return Step(label, candidates, free, None, free[:0], False, ())
        if len(free) <= recipe.class_size:
            return Step(label, candidates, free, None, free, False, ())
        strata = tuple(name for name in recipe.strata if name != label.category)
        presample = None
        if len(free) > recipe.presample_size:
            first = tuple(name for name in recipe.presample_strata if name != label.category)
            presample = self._draw(free, first, max(recipe.presample_size, recipe.class_size), label, "presample")
            strata = tuple(name for name in strata if name not in recipe.presample_strata)
        pool = free if presample is None else presample
        taken = self._draw(pool, strata, recipe.class_size, label, "sample")
        return Step(label, candidates, free, presample, taken, True, strata)

    def _draw(self, rows: Rows, strata: tuple[str, ...], size: int, label: Label, purpose: str) -> Rows:
        salt = key64(self.recipe.seed, label.name, purpose)
        return stratified(rows, self.keys, [self.columns[name] for name in strata], size, salt)


def columns_needed(recipe: Recipe) -> list[str]:
    """Return the columns of the annotations that label assignment reads."""
    names = ("idx", "dir_name", *recipe.categories, *recipe.presample_strata, *recipe.strata)
    return list(dict.fromkeys(names))


class Unlabelled(NamedTuple):
    """How many images have no label, and why."""

    not_drawn: int  # images that hold a token of a class, in its column, and were left out when that was drawn
    no_class: int  # images none of whose tokens is a class


def assign_labels(annotations: pa.Table, recipe: Recipe) -> pa.Table:
    """Assign labels to images.

    See `assign_images`, which also counts images without a label.
    """
    return assign_images(annotations, recipe)[0]


def assign_images(annotations: pa.Table, recipe: Recipe) -> tuple[pa.Table, Unlabelled]:
    """Give images their label.

    Parameters
    ----------
    annotations : columns as ``columns_needed``, texts (dictionary-encoded ones are read without decoding)
    recipe : ``drop_labels`` are taken out before counting. ``rename_labels`` is applied before counting too, once to
        each token: two tokens with one name are one token, and its class belongs to the column with more rows.

    Returns
    -------
    Table of ``ASSIGNMENTS``, one row per image with a label, sorted by ``dir_name`` and ``idx``; and the others.

    Raises
    ------
    UserError
        If a column is missing, an ``idx`` occurs twice, or a label would be renamed to something that is no token.
    """
    label_of = np.full(annotations.num_rows, -1, np.int32)
    classes: list[Label] = []
    holds = np.zeros(annotations.num_rows, bool)  # a token of a class
    for step in Labelling(annotations, recipe).steps():
        if len(step.taken):
            holds[step.candidates] = True
            label_of[step.taken] = len(classes)
            classes.append(step.label)
    labelled = label_of >= 0
    which = pa.array(label_of[labelled])
    texts = pa.schema([("idx", pa.string()), ("dir_name", pa.string())])
    rows = annotations.select(texts.names).filter(pa.array(labelled)).cast(texts).append_column("which", which)
    rows = rows.sort_by([("dir_name", "ascending"), ("idx", "ascending")])
    which = rows["which"].combine_chunks()
    crops = [recipe.crops_wanted(int(size)) for size in np.bincount(which.to_numpy(), minlength=len(classes))]
    columns = [
        rows["idx"],
        rows["dir_name"],
        pa.array([label.name for label in classes], pa.string()).take(which),
        pa.array([label.category for label in classes], pa.string()).take(which),
        pa.array(crops, pa.int8()).take(which),
    ]
    not_drawn, no_class = (int((here & ~labelled).sum()) for here in (holds, ~holds))
    return pa.table(columns, schema=ASSIGNMENTS), Unlabelled(not_drawn, no_class)
