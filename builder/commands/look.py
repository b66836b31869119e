"""Commands that look at what is there, before and after labels: sources, label, diff."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from builder.commands.options import only_option, recipe_options, working_in
from builder.errors import UserError
from builder.recipe import Recipe


@click.command()
@click.argument("data", required=False)
@only_option
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def sources(data: str | None, only: tuple[str, ...], as_json: bool) -> None:
    """List the sources: licence, images, size, the labels they feed, and how to get them.

    With DATA, also what is there and what is missing.
    """
    from builder.inspect.catalog import catalog, catalog_text

    rows = catalog(data, only)
    click.echo(json.dumps(rows, indent=1, ensure_ascii=False) if as_json else catalog_text(rows), nl=as_json)


@click.command()
@click.argument("work")
@recipe_options
@click.option("--explain", "label_name", metavar="LABEL", help="Show why this label has the images it has.")
@click.option(
    "--threshold-plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Plot how many classes each min_images would give (.svg or .png).",
)
@click.option("--lookalikes", is_flag=True, help="List tokens that look alike and are not merged by the vocabulary.")
def label(
    work: str,
    recipe_file: str | None,
    settings: tuple[str, ...],
    label_name: str | None,
    threshold_plot: Path | None,
    lookalikes: bool,
) -> None:
    """Assign labels to the annotated images of WORK and show the classes; takes seconds.

    Writes WORK/assignments.parquet and the class table as WORK/classes.csv and WORK/classes.parquet. The next
    `build` with the same recipe goes on from there.
    """
    from builder.engine.store import Store
    from builder.inspect.label_command import alike, explained, labelled, thresholds

    recipe = Recipe.load(recipe_file, settings)
    store = Store(work)
    with working_in(store):
        if label_name is not None:
            click.echo(explained(store, recipe, label_name))
        elif threshold_plot is not None:
            click.echo(thresholds(store, recipe, threshold_plot))
        elif lookalikes:
            click.echo(alike(store, recipe))
        else:
            click.echo(labelled(store, recipe))


@click.command()
@click.argument("work_a")
@click.argument("work_b")
def diff(work_a: str, work_b: str) -> None:
    """Show what changed from WORK_A to WORK_B: classes added and removed, images moved."""
    from builder.engine.store import Store
    from builder.inspect.label_command import difference

    click.echo(difference(Store(work_a), Store(work_b)))


@click.command()
@click.argument("work")
def status(work: str) -> None:
    """Show how far the build in WORK is: stages, rates, time left, what hung or crashed, slowest sources."""
    from builder.engine.run_logs import read_run
    from builder.engine.status import lines
    from builder.engine.status import status as read_status
    from builder.engine.store import Store
    from builder.stages.standardize.part_rows import refused

    store = Store(work)
    try:
        stages = read_status(read_run(store))
    except FileNotFoundError:
        raise UserError(f"{work} holds no log of a run; name the work folder of a build (PACKAGE.work)") from None
    for line in lines(stages, time.time()):
        click.echo(line)
    for reason, count in refused(store).items():
        click.echo(f"refused so far, {reason}: {count:,}")
