"""Commands that make something: demo, build, annotate, convert."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.commands.options import (
    build_options,
    fail_for_left_out,
    restricted_option,
    run_options,
    run_settings,
    source_options,
    working_in,
)
from builder.commands.shown import Command, json_option, say, say_json
from builder.errors import INCOMPLETE, UserError

if TYPE_CHECKING:
    from builder.engine.store import Store
    from builder.package.manifest import Manifest
    from builder.stages.context import BuildContext

_INCOMPLETE = {
    INCOMPLETE: "done, except for images that could not be tried (--skip-unreadable): run the same command again"
}


@click.command(cls=Command, examples=("demo", "demo somewhere/else --workers 2"))
@click.argument("out", type=click.Path(path_type=Path), default=Path("cytoimagenet-demo"))
@run_options
def demo(out: Path, workers: int | None, scheduler: str | None) -> None:
    """Build and load a package of four simulated sources.

    It shows the commands as it goes.

    OUT is the folder to work in (default: cytoimagenet-demo). Every example is simulated. Takes about a minute.
    """
    from builder.demo.run import run_demo

    run_demo(out, run_settings(workers, scheduler), say)


@click.command(
    cls=Command,
    examples=(
        "build DATA -o out/cytoimagenet",
        "build DATA -o out/small --only bbbc013,kag_cell_cycle --set min_images=20 --set min_class_size=20",
        "build DATA -o out/at224 --size 224",
        "build DATA -o out/cytoimagenet --plan --json",
    ),
    codes=_INCOMPLETE,
)
@click.argument("data")
@build_options
@source_options
@click.option("--plan", "plan_only", is_flag=True, help="Say what would be done and how long it takes; do nothing.")
@click.option(
    "--frugal",
    is_flag=True,
    help="Remove PNGs from WORK once no shard of this package needs them. Repeating the same build still does "
    "nothing; another recipe has to make the PNGs of changed shards again.",
)
@json_option
def build(context: BuildContext, package: Store, plan_only: bool, as_json: bool) -> None:
    """Build a package of the sources in DATA.

    The stages are annotate, label, standardize, select and shard.

    The same command again does only what is missing or whose inputs changed, after an interruption too.
    """
    from builder.inspect.label_command import recipe_of
    from builder.inspect.plan import plan, plan_lines
    from builder.inspect.unused import unused_in
    from builder.stages.annotate.discover import located
    from builder.stages.annotate.stage import left_out_in
    from builder.stages.pipeline import build as run_build

    data, only = located(context.data, context.only, context.options)
    context = dataclasses.replace(context, data=data, only=only)
    if plan_only:
        facts = plan(context, package)
        say_json(facts) if as_json else say("\n".join(plan_lines(facts)))
        fail_for_left_out(facts["left_out"])
        return
    manifest = _make(run_build, context, package)
    _say_made(package, manifest, as_json, unused_in(context.work, recipe_of(context.work)))
    fail_for_left_out(left_out_in(context.work))


@click.command(
    cls=Command,
    examples=("annotate DATA -o work", "annotate DATA -o work --only bbbc022", "annotate my-screen --show"),
)
@click.argument("data")
@click.option("-o", "--output", "work", metavar="WORK", help="Folder (or URL) for the tables. Default: DATA.work")
@click.option("--show", is_flag=True, help="Show ten rows of each source, and write thumbnails of three images.")
@source_options
@run_options
def annotate(
    data: str,
    work: str | None,
    show: bool,
    only: tuple[str, ...],
    include_restricted: bool,
    workers: int | None,
    scheduler: str | None,
) -> None:
    """Annotate the sources in DATA, and no more.

    The tables are WORK/annotations/<dir_name>.parquet.

    DATA may be a folder of your own with a source.toml, which `cytoimagenet new` writes.
    """
    from builder.engine.store import Store
    from builder.stages.annotate.discover import located
    from builder.stages.annotate.stage import Annotate, left_out_in
    from builder.stages.stage import carry_out
    from builder.stages.task_runner import TaskRunner

    work = work or f"{data.rstrip('/')}.work"
    store = Store(work)
    data, only = located(data, only)
    with working_in(store) as run_log:
        runner = TaskRunner(run_settings(workers, scheduler), run_log)
        sources = carry_out(Annotate(Store(data), store, runner, only, include_restricted))
    images = sum(source.images for source in sources)
    say(f"{work}/annotations: {images:,} images of {len(sources)} source{'s' * (len(sources) != 1)}")
    if show:
        from builder.inspect.own_source import shown

        for line in shown(data, store, [source.dir_name for source in sources]):
            say(line)
    fail_for_left_out(left_out_in(store))


@click.command(
    cls=Command,
    examples=("convert RELEASE -o out/cytoimagenet", "convert RELEASE -o out/at224 --size 224"),
    codes=_INCOMPLETE,
)
@click.argument("data", metavar="RELEASE")
@build_options
@restricted_option
@json_option
def convert(context: BuildContext, package: Store, as_json: bool) -> None:
    """Make a package of the published release.

    RELEASE holds metadata.csv and 894 folders of PNG.

    Labels, examples and names stay as published; the split is ours, without leaks, and what is wrong with the
    release (duplicates, conflicting labels, missing files) is reported.
    """
    from builder.release.convert import convert as run_convert

    if context.auto.asked:
        raise UserError("min_images and min_class_size cannot be auto here: the labels of the release are as published")
    _say_made(package, _make(run_convert, context, package), as_json, {})


def _make(pipeline: Callable[[BuildContext, Store], Manifest], context: BuildContext, package: Store) -> Manifest:
    """Run a pipeline while WORK is locked."""
    with working_in(context.work) as run_log:
        return pipeline(dataclasses.replace(context, run_log=run_log), package)


def _say_made(package: Store, manifest: Manifest, as_json: bool, unused: dict[str, list[str]]) -> None:
    """Report what was made and what was left out.

    Exits with 3 where images were not tried.
    """
    from builder.inspect.summary import not_tried, summary, summary_lines

    facts = summary(package.url, manifest)
    if as_json:
        say_json({**facts, "unused_tokens": unused})
    else:
        say("\n".join(summary_lines(facts)))
        for dir_name, lines in unused.items():
            say("\n".join(f"  {dir_name}: no class of {line}" for line in lines))
        say(f'Read it with datasets.load_dataset("{package.url}"), look at it with: cytoimagenet report {package.url}')
    if not_tried(facts):
        sys.exit(INCOMPLETE)
