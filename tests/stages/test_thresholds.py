"""Thresholds that follow the data's size; tokens of every image."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from builder.engine.store import Store
from builder.errors import UserError
from builder.recipe import Recipe
from builder.stages.annotate.stage import AnnotatedSource
from builder.stages.thresholds import Auto, fitted
from tests.stages.tables import table

UNSET = frozenset(("min_images", "min_class_size", "drop_labels"))


def annotated(root: Path, **sources: int) -> tuple[Store, list[AnnotatedSource]]:
    """Annotate so many images of each source.

    All are human, half of each phenotype, with one cell type per source.
    """
    work = Store(str(root))
    for name, images in sources.items():
        rows = [
            {
                "idx": f"{name}-{n}",
                "organism": "human",
                "phenotype": ("round", "flat")[n % 2],
                "cell_type": f"of {name}",
            }
            for n in range(images)
        ]
        with work.writing(f"annotations/{name}.parquet") as file:
            pq.write_table(table(rows), file)
    return work, [AnnotatedSource(name, name, images) for name, images in sources.items()]


@pytest.mark.parametrize(
    ("images", "numbers"), [(10, (2, 2)), (350, (10, 5)), (7000, (200, 100)), (10_045, (287, 500))]
)
def test_numbers_follow_the_images_of_own_sources(tmp_path: Path, images: int, numbers: tuple[int, int]) -> None:
    work, sources = annotated(tmp_path, screen=images)
    recipe, said = fitted(work, Recipe(), Auto(unset=UNSET), sources)
    assert (recipe.min_images, recipe.min_class_size) == numbers
    assert (f"min_images={numbers[0]}, min_class_size={numbers[1]} for {images:,} images" in "".join(said)) == (
        images < 10_045
    )


def test_what_is_set_stays(tmp_path: Path) -> None:
    work, sources = annotated(tmp_path, screen=350)
    given = Recipe(min_images=7, min_class_size=3, drop_labels=("x",))
    assert fitted(work, given, Auto(), sources) == (given, [])
    recipe, said = fitted(work, Recipe(min_images=7), Auto(unset=UNSET - {"min_images"}), sources)
    assert (recipe.min_images, recipe.min_class_size) == (7, 3)
    assert "min_class_size=3" in said[0]


def test_public_sources_keep_the_method(tmp_path: Path) -> None:
    work, sources = annotated(tmp_path, bbbc013=40, screen=40)
    assert fitted(work, Recipe(), Auto(unset=UNSET), sources) == (Recipe(), [])
    recipe, _ = fitted(work, Recipe(), Auto(asked=frozenset(("min_images",))), sources)
    assert (recipe.min_images, recipe.min_class_size) == (2, 500)


def test_a_token_of_every_image_is_no_class(tmp_path: Path) -> None:
    work, sources = annotated(tmp_path / "one", screen=40)
    recipe, said = fitted(work, Recipe(), Auto(unset=UNSET), sources)
    assert recipe.drop_labels == ("human", "of screen")
    assert any("human, of screen: true of every image" in line for line in said)
    work, sources = annotated(tmp_path / "two", a=40, b=40)  # the cells of a and b differ now
    assert fitted(work, Recipe(), Auto(unset=UNSET), sources)[0].drop_labels == ("human",)


def test_auto_is_taken_from_a_recipe() -> None:
    values = {"min_images": "auto", "class_size": 50}
    assert Auto.taken_from(values) == Auto(frozenset(("min_images",)), frozenset(("min_class_size", "drop_labels")))
    assert values == {"class_size": 50}
    with pytest.raises(UserError, match="class_size cannot be auto"):
        Auto.taken_from({"class_size": "auto"})
