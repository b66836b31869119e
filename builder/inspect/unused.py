"""Tokens of small sources that became no class, and why.

A token's own class may be lost to one of another category.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.parquet import read_parquet
from builder.engine.store import Store
from builder.recipe import Recipe
from builder.schema import TOKEN_SEPARATOR
from builder.stages import work_files
from builder.stages.annotate.stage import annotated_in
from builder.stages.annotations import read_annotations
from builder.stages.label.naming import naming

SMALL = 1000
"""Images of a source up to which its tokens are named one by one."""
_NAMED = 6


def unused_tokens(annotations: pa.Table, assignments: pa.Table, recipe: Recipe) -> Iterator[str]:
    """Yield a line for each token without its own class.

    Its images are in classes of other names, or in none.

    Parameters
    ----------
    annotations : idx and the recipe's categories, of one source
    assignments : schema ``ASSIGNMENTS``, of all sources
    """
    category_of = dict(zip(*(assignments[name].to_pylist() for name in ("label", "category")), strict=True))
    place = pc.index_in(annotations["idx"], value_set=assignments["idx"].combine_chunks())
    labels = assignments["label"].take(place).to_pylist()
    held: dict[tuple[str, str], Counter[str | None]] = {}
    for category in recipe.categories:
        name_of = naming(recipe, category)
        for cell, label in zip(annotations[category].to_pylist(), labels, strict=True):
            for token in set((cell or "").split(TOKEN_SEPARATOR)) - {""}:
                held.setdefault((category, name_of(token) or token), Counter())[label] += 1
    lost = {(category, token): went for (category, token), went in held.items() if category_of.get(token) != category}
    for (category, token), went in sorted(lost.items(), key=lambda pair: -pair[1].total())[:_NAMED]:
        why = _why(token, went, category_of, recipe)
        yield f"{token} ({category}, {went.total():,} images): {why}; {_went(went)}"
    if len(lost) > _NAMED:
        yield f"and {len(lost) - _NAMED:,} more"


def _why(token: str, went: Counter[str | None], category_of: dict[str, str], recipe: Recipe) -> str:
    if token in recipe.drop_labels:
        return "the recipe drops it"
    if token in category_of:
        return f"the name is that of a class of {category_of[token]}"
    if None not in went:
        return "all are in classes with fewer images"
    return f"fewer than min_images={recipe.min_images:,} images in all sources, or too few left by rarer classes"


def _went(went: Counter[str | None]) -> str:
    texts = [f"{label} {count:,}" for label, count in went.most_common(3) if label is not None]
    return f"its images went to {', '.join(texts)}" if texts else "its images are in no class"


def unused_in(work: Store, recipe: Recipe) -> dict[str, list[str]]:
    """Return the unused tokens of each small source in WORK.

    They are lines of ``unused_tokens``, for the sources that were annotated last.
    """
    small = [source.dir_name for source in annotated_in(work) if source.images <= SMALL]
    if not small or not work.exists(work_files.ASSIGNMENTS):
        return {}
    assignments = read_parquet(work, work_files.ASSIGNMENTS)
    found = {}
    for dir_name in small:
        annotations = read_annotations(work, [dir_name], ["idx", *recipe.categories])
        found[dir_name] = list(unused_tokens(annotations, assignments, recipe))
    return {dir_name: lines for dir_name, lines in found.items() if lines}
