"""Inspection commands: sources, label, diff, status, recipe."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import click

from builder.commands.options import only_option, recipe_options, working_in
from builder.commands.shown import Command, json_option, say, say_json
from builder.recipe import Recipe


@click.command(cls=Command, examples=("sources", "sources DATA", "sources DATA --only bbbc022,bbbc041 --json"))
@click.argument("data", required=False)
@only_option
@json_option
def sources(data: str | None, only: tuple[str, ...], as_json: bool) -> None:
    """List the sources.

    Their licence, images and size, the labels they feed, and how to get them.

    With DATA, also what is there and what is missing.
    """
    from builder.inspect.catalog import catalog, catalog_text

    rows = catalog(data, only)
    say_json(rows) if as_json else say(catalog_text(rows).removesuffix("\n"))


@click.command(
    cls=Command,
    examples=(
        "label WORK --set min_images=100",
        "label WORK --explain u2os",
        "label WORK --threshold-plot thresholds.svg",
    ),
)
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
@json_option
def label(
    work: str,
    recipe_file: str | None,
    settings: tuple[str, ...],
    label_name: str | None,
    threshold_plot: Path | None,
    lookalikes: bool,
    as_json: bool,
) -> None:
    """Assign labels in WORK and show the classes.

    Of the images that are annotated; it takes seconds.

    Writes WORK/assignments.parquet and the class table as WORK/classes.csv and WORK/classes.parquet. The next
    `build` with the same recipe goes on from there. --explain, --threshold-plot and --lookalikes write nothing in
    WORK, and take the numbers with which WORK was built, unless others are given.
    """
    from builder.engine.store import Store
    from builder.inspect.label_command import alike, explained, labelled, recipe_of, thresholds
    from builder.inspect.label_report import describe_classes
    from builder.stages.thresholds import Auto

    store = Store(work)
    looks = label_name is not None or threshold_plot is not None or lookalikes
    given = recipe_file is not None or bool(settings)
    values = Recipe.values(recipe_file, settings)
    auto = Auto.taken_from(values)
    recipe = Recipe.of(values) if given or not looks else recipe_of(store)
    if looks and as_json:
        raise click.UsageError("--json goes with the class table only")
    if label_name is not None:
        say(explained(store, recipe, label_name))
    elif threshold_plot is not None:
        say(thresholds(store, recipe, threshold_plot))
    elif lookalikes:
        say(alike(store, recipe))
    else:
        with working_in(store):
            table = labelled(store, recipe, auto)
        say_json(table.to_pylist()) if as_json else say(describe_classes(table))


@click.command(cls=Command, examples=("diff out/a.work out/b.work", "diff out/a.work out/b.work --json"))
@click.argument("work_a")
@click.argument("work_b")
@json_option
def diff(work_a: str, work_b: str, as_json: bool) -> None:
    """Show what changed from WORK_A to WORK_B.

    Classes added and removed, images moved.
    """
    from builder.engine.store import Store
    from builder.inspect.diff import describe
    from builder.inspect.label_command import difference

    found = difference(Store(work_a), Store(work_b))
    if as_json:
        tables = {name: getattr(found, name).to_pylist() for name in ("classes", "moves")}
        say_json({**tables, "examples": found.examples})
    else:
        say(describe(found))


@click.command(cls=Command, examples=("status out/cytoimagenet.work", "status out/cytoimagenet.work --json"))
@click.argument("work")
@json_option
def status(work: str, as_json: bool) -> None:
    """Show how far the build in WORK is.

    Stages, rates, time left, what crashed or was not tried, slowest sources.

    Also what was refused so far, by reason, since when, and the first with its error.
    """
    from builder.engine.store import Store
    from builder.inspect.status import read_status, stage_lines

    stages, found = read_status(Store(work))
    if as_json:
        reasons = {name: dataclasses.asdict(facts) for name, facts in found.items()}
        say_json({"stages": [stage.as_dict() for stage in stages], "refused": reasons})
        return
    for line in stage_lines(stages, time.time()):
        say(line)
    for reason, facts in found.items():
        say(f"refused so far, {reason}: {facts.count:,}, since {facts.since}, first {facts.example}")


@click.command(cls=Command, examples=("recipe", "recipe --set min_images=20 > recipe.toml", "recipe --json"))
@recipe_options
@json_option
def recipe(recipe_file: str | None, settings: tuple[str, ...], as_json: bool) -> None:
    """List every key of the recipe.

    Its meaning, its default, and the stage whose results it changes.

    The output is a TOML file that --recipe takes; keys that keep their default are comments.
    """
    from builder.inspect.recipe_keys import recipe_keys, recipe_toml

    keys = recipe_keys(Recipe.load(recipe_file, settings))
    say_json(keys) if as_json else say(recipe_toml(keys))
