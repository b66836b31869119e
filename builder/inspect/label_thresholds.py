"""`cytoimagenet label --threshold-plot`: how many classes each threshold would give."""

from __future__ import annotations

import pyarrow as pa

from builder.inspect.chart import Chart
from builder.recipe import Recipe
from builder.stages.label.assign import Labelling

THRESHOLD_TABLE = pa.schema(
    [
        pa.field("min_images", pa.int64(), nullable=False),
        pa.field("potential", pa.int64(), nullable=False),  # labels with so many images
        pa.field("classes", pa.int64(), nullable=False),  # of these, with so many left when their turn comes
        pa.field("images", pa.int64(), nullable=False),  # of the classes
    ]
)


def thresholds_around(recipe: Recipe) -> list[int]:
    """Return thresholds around the recipe's, its own included.

    From a quarter of it to four times as many, four to a doubling.
    """
    return sorted({max(1, round(recipe.min_images * 2 ** (step / 4))) for step in range(-8, 9)})


def threshold_table(labelling: Labelling, thresholds: list[int]) -> pa.Table:
    """Assign labels at each threshold and tabulate the results.

    Schema ``THRESHOLD_TABLE``.
    """
    rows = []
    for min_images in thresholds:
        sizes = [len(step.taken) for step in labelling.at(min_images).steps()]
        taken = [size for size in sizes if size]
        rows.append({"min_images": min_images, "potential": len(sizes), "classes": len(taken), "images": sum(taken)})
    return pa.Table.from_pylist(rows, THRESHOLD_TABLE)


def threshold_chart(table: pa.Table, recipe: Recipe) -> Chart:
    """Plot classes and potential labels over the threshold.

    The recipe's threshold is marked.
    """
    x = table["min_images"].to_pylist()
    return Chart(
        x_title="images that a label needs (min_images)",
        y_title="number",
        x=x,
        lines={"potential labels": table["potential"].to_pylist(), "classes": table["classes"].to_pylist()},
        mark=recipe.min_images if x[0] <= recipe.min_images <= x[-1] else None,
    )
