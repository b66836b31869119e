"""Commands that make something: demo, build, annotate, convert."""

from __future__ import annotations

import dataclasses
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

if TYPE_CHECKING:
    from builder.engine.store import Store
    from builder.package.manifest import Manifest
    from builder.stages.context import BuildContext


@click.command()
@click.argument("out", type=click.Path(path_type=Path), default=Path("cytoimagenet-demo"))
@run_options
def demo(out: Path, workers: int | None, scheduler: str | None) -> None:
    """Simulate four small sources, build a package of them, load it and show how.

    OUT is the folder to work in (default: cytoimagenet-demo). Every example is simulated. Takes about a minute.
    """
    from builder.demo.run import run_demo

    run_demo(out, run_settings(workers, scheduler), click.echo)


@click.command()
@click.argument("data")
@build_options
@source_options
@click.option("--plan", "plan_only", is_flag=True, help="Say what would be done and how long it takes; do nothing.")
@click.option(
    "--frugal",
    is_flag=True,
    help="Remove examples from WORK once no shard of this package needs them. The same build again still has "
    "nothing to do; another recipe has to make the examples of changed shards again.",
)
def build(context: BuildContext, package: Store, plan_only: bool) -> None:
    """Build a package of the sources in DATA: annotate, label, standardize, select, shard.

    The same command again does only what is missing or whose inputs changed, after an interruption too.

    \b
    cytoimagenet build DATA -o out/cytoimagenet
    cytoimagenet build DATA -o out/small --only bbbc013,kag_cell_cycle --set min_images=20 --set min_class_size=20
    cytoimagenet build DATA -o out/at224 --size 224
    """
    from builder.inspect.plan import plan
    from builder.stages.pipeline import build as run_build

    if plan_only:
        click.echo("\n".join(plan(context, package)))
        return
    _make(run_build, context, package)
    fail_for_left_out(context.work)


@click.command()
@click.argument("data")
@click.option("-o", "--output", "work", required=True, metavar="WORK", help="Folder (or URL) for the tables.")
@source_options
@run_options
def annotate(
    data: str, work: str, only: tuple[str, ...], include_restricted: bool, workers: int | None, scheduler: str | None
) -> None:
    """Make just the annotation tables of the sources in DATA: WORK/annotations/<dir_name>.parquet."""
    from builder.engine.store import Store
    from builder.stages.annotate.stage import Annotate
    from builder.stages.stage import carry_out
    from builder.stages.task_runner import TaskRunner

    store = Store(work)
    with working_in(store) as run_log:
        runner = TaskRunner(run_settings(workers, scheduler), run_log)
        sources = carry_out(Annotate(Store(data), store, runner, only, include_restricted))
    images = sum(source.images for source in sources)
    click.echo(f"{work}/annotations: {images:,} images of {len(sources)} sources")
    fail_for_left_out(store)


@click.command()
@click.argument("data", metavar="RELEASE")
@build_options
@restricted_option
def convert(context: BuildContext, package: Store) -> None:
    """Make a package of the published release: RELEASE holds metadata.csv and 894 folders of PNG.

    Labels, examples and names stay as published; the split is ours, without leaks, and what is wrong with the
    release (duplicates, conflicting labels, missing files) is reported.
    """
    from builder.release.convert import convert as run_convert

    _make(run_convert, context, package)


def _make(pipeline: Callable[[BuildContext, Store], Manifest], context: BuildContext, package: Store) -> None:
    """Run a pipeline while WORK is locked, and say what the package holds."""
    with working_in(context.work) as run_log:
        manifest = pipeline(dataclasses.replace(context, run_log=run_log), package)
    click.echo(f"{package.url}: {manifest['images']:,} images in {manifest['classes']:,} classes")
