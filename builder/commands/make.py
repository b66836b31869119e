"""Commands that make something: demo, build, annotate, convert."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from builder.commands.options import (
    package_options,
    recipe_options,
    run_options,
    run_settings,
    source_options,
    with_size,
    working_in,
)
from builder.recipe import Recipe


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
@package_options
@recipe_options
@source_options
@run_options
@click.option("--plan", "plan_only", is_flag=True, help="Say what would be done and how long it takes; do nothing.")
@click.option(
    "--frugal",
    is_flag=True,
    help="Remove examples from WORK once no shard of this package needs them. The same build again still has "
    "nothing to do; another recipe has to make the examples of changed shards again.",
)
def build(
    data: str,
    package: str,
    work: str | None,
    file_format: str,
    size: int | None,
    recipe_file: str | None,
    settings: tuple[str, ...],
    only: tuple[str, ...],
    include_restricted: bool,
    workers: int | None,
    scheduler: str | None,
    plan_only: bool,
    frugal: bool,
) -> None:
    """Build a package of the sources in DATA: annotate, label, standardize, select, shard.

    The same command again does only what is missing or whose inputs changed, after an interruption too.

    \b
    cytoimagenet build DATA -o out/cytoimagenet
    cytoimagenet build DATA -o out/small --only bbbc013,kag_cell_cycle --set min_images=20 --set min_class_size=20
    cytoimagenet build DATA -o out/at224 --size 224
    """
    from builder.engine.store import Store
    from builder.inspect.plan import plan
    from builder.stages.context import BuildContext
    from builder.stages.pipeline import build as run_build

    store = Store(work or f"{package.rstrip('/')}.work")
    job = BuildContext(
        data=data,
        work=store,
        recipe=Recipe.load(recipe_file, with_size(settings, size)),
        settings=run_settings(workers, scheduler),
        only=only,
        file_format=file_format,
        include_restricted=include_restricted,
        frugal=frugal,
    )
    if plan_only:
        click.echo("\n".join(plan(job, Store(package))))
        return
    with working_in(store) as run_log:
        manifest = run_build(dataclasses.replace(job, run_log=run_log), Store(package))
    click.echo(f"{package}: {manifest['images']:,} images in {manifest['classes']:,} classes")


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
    from builder.stages.annotate.run import annotate as run_annotate
    from builder.stages.context import BuildContext

    store = Store(work)
    with working_in(store) as run_log:
        job = BuildContext(
            data=data,
            work=store,
            settings=run_settings(workers, scheduler),
            only=only,
            include_restricted=include_restricted,
            run_log=run_log,
        )
        facts = run_annotate(job)
    images = sum(int(found["images"]) for found in facts)
    click.echo(f"{work}/annotations: {images:,} images of {len(facts)} sources")


@click.command()
@click.argument("release")
@package_options
@recipe_options
@click.option(
    "--include-restricted", is_flag=True, help="Include sources whose licence forbids publishing changed images."
)
@run_options
def convert(
    release: str,
    package: str,
    work: str | None,
    file_format: str,
    size: int | None,
    recipe_file: str | None,
    settings: tuple[str, ...],
    include_restricted: bool,
    workers: int | None,
    scheduler: str | None,
) -> None:
    """Make a package of the published release: RELEASE holds metadata.csv and 894 folders of PNG.

    Labels, examples and names stay as published; the split is ours, without leaks, and what is wrong with the
    release (duplicates, conflicting labels, missing files) is reported.
    """
    from builder.engine.store import Store
    from builder.release.convert import convert as run_convert
    from builder.stages.context import BuildContext

    recipe = Recipe.load(recipe_file, with_size(settings, size))
    store = Store(work or f"{package.rstrip('/')}.work")
    with working_in(store) as run_log:
        job = BuildContext(
            data=release,
            work=store,
            recipe=recipe,
            settings=run_settings(workers, scheduler),
            file_format=file_format,
            include_restricted=include_restricted,
            run_log=run_log,
        )
        manifest = run_convert(job, Store(package))
    click.echo(f"{package}: {manifest['images']:,} images in {manifest['classes']:,} classes")
