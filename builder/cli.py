"""The command line: parse, call, print; no logic."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from builder import __version__
from builder.errors import UserError
from builder.recipe import Recipe

Command = TypeVar("Command", bound=Callable[..., Any])

_RECIPE_HELP = "TOML file with numbers of the method that differ from the default."
_SET_HELP = "One number of the method, for instance --set min_images=50; as often as wanted."


def _recipe_options(command: Command) -> Command:
    command = click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=_SET_HELP)(command)
    return click.option("--recipe", "recipe_file", type=click.Path(dir_okay=False), help=_RECIPE_HELP)(command)


def _run_options(command: Command) -> Command:
    command = click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler, tcp://host:8786.")(command)
    text = "Processes; 0 works in this one. Default: one a core."
    return click.option("--workers", type=click.IntRange(min=0), default=None, help=text)(command)


def _only_option(command: Command) -> Command:
    text = "Sources to take, by dir_name, joined by commas. Default: all that are there."
    return click.option("--only", default="", metavar="NAMES", help=text)(command)


def _names(only: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in only.split(",") if name.strip())


def _settings(workers: int | None, scheduler: str | None) -> Any:
    from builder.engine.run import RunSettings

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return RunSettings(workers=usable if workers is None else workers, scheduler=scheduler)


class _OneLineErrors(click.Group):
    """Turns errors that the user can mend into one line, and an interruption into one that says how to go on."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise click.ClickException(str(error)) from None
        except (KeyboardInterrupt, click.Abort):
            click.echo("\ninterrupted; what is finished is kept: the same command goes on from here", err=True)
            sys.exit(130)


@click.group(cls=_OneLineErrors, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="cytoimagenet")
@click.option("-v", "--verbose", is_flag=True, help="Say more of what is done.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
def main(verbose: bool, quiet: bool) -> None:
    """Build CytoImageNet, a large weakly labelled microscopy dataset, as a Hugging Face package.

    \b
    Try it:         cytoimagenet demo
    With data:      cytoimagenet sources DATA        what is there, what is missing, how to get it
                    cytoimagenet build DATA -o out/cytoimagenet
                    cytoimagenet verify out/cytoimagenet

    DATA holds one folder a source, named as `cytoimagenet sources` lists them.
    """
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("builder").setLevel(level)


@main.command()
@click.argument("out", type=click.Path(path_type=Path), default=Path("cytoimagenet-demo"))
@_run_options
def demo(out: Path, workers: int | None, scheduler: str | None) -> None:
    """Simulate four small sources, build a package of them, load it and show how.

    OUT is the folder to work in (default: cytoimagenet-demo). Every picture is simulated.
    """
    from builder.demo.run import run_demo

    run_demo(out, _settings(workers, scheduler), click.echo)


@main.command()
@click.argument("data")
@click.option("-o", "--output", "package", required=True, metavar="PACKAGE", help="Folder (or URL) of the package.")
@_recipe_options
@_only_option
@click.option("--work", metavar="DIR", help="Where intermediate results are kept. Default: PACKAGE.work")
@_run_options
@click.option("--format", "file_format", type=click.Choice(["arrow", "parquet"]), default="arrow", show_default=True)
@click.option("--include-restricted", is_flag=True, help="Take sources that forbid to publish changed images as well.")
def build(
    data: str,
    package: str,
    recipe_file: str | None,
    settings: tuple[str, ...],
    only: str,
    work: str | None,
    workers: int | None,
    scheduler: str | None,
    file_format: str,
    include_restricted: bool,
) -> None:
    """Build a package of the sources in DATA: annotate, label, standardize, select, shard.

    The same command again does only what is missing or whose inputs changed, after an interruption too.
    """
    from builder.engine.store import Store
    from builder.stages.lock import locked
    from builder.stages.pipeline import Build
    from builder.stages.pipeline import build as run_build

    store = Store(work or f"{package.rstrip('/')}.work")
    job = Build(
        data=data,
        work=store,
        recipe=Recipe.load(recipe_file, settings),
        settings=_settings(workers, scheduler),
        only=_names(only),
        file_format=file_format,
        include_restricted=include_restricted,
    )
    with locked(store):
        manifest = run_build(job, Store(package))
    click.echo(f"{package}: {manifest['images']:,} images in {manifest['classes']:,} classes")


@main.command()
@click.argument("data")
@click.option("-o", "--output", "work", required=True, metavar="WORK", help="Folder (or URL) for the tables.")
@_only_option
@_run_options
@click.option("--include-restricted", is_flag=True, help="Take sources that forbid to publish changed images as well.")
def annotate(
    data: str, work: str, only: str, workers: int | None, scheduler: str | None, include_restricted: bool
) -> None:
    """Make just the annotation tables of the sources in DATA: WORK/annotations/<dir_name>.parquet."""
    from builder.engine.store import Store
    from builder.stages.lock import locked
    from builder.stages.pipeline import Build
    from builder.stages.pipeline import annotate as run_annotate

    store = Store(work)
    job = Build(
        data=data,
        work=store,
        settings=_settings(workers, scheduler),
        only=_names(only),
        include_restricted=include_restricted,
    )
    with locked(store):
        facts = run_annotate(job)
    images = sum(int(found["images"]) for found in facts)
    click.echo(f"{work}/annotations: {images:,} images of {len(facts)} sources")


@main.command()
@click.argument("package")
@click.option("--deep", is_flag=True, help="Decode every image as well.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True)
def verify(package: str, deep: bool, workers: int) -> None:
    """Check everything that can be checked in PACKAGE; exit with 0 or 1."""
    from builder.package.verify import verify as run_verify

    problems = run_verify(package, deep=deep, workers=workers)
    for problem in problems:
        click.echo(str(problem), err=True)
    if problems:
        click.echo(f"{package}: {len(problems)} problems", err=True)
        sys.exit(1)
    click.echo(f"{package}: as it should be")


@main.command()
@click.argument("package")
@click.argument("idx")
@click.option(
    "--data", required=True, metavar="DATA", help="Folder (or URL) with the sources the package was built from."
)
def trace(package: str, idx: str, data: str) -> None:
    """Show where the image IDX of PACKAGE came from, and make its pixels again from the source's files.

    Exits with 1 if a picture of the package is not what the files give.
    """
    from builder.engine.store import Store
    from builder.stages.trace import trace as run_trace

    image, pictures = run_trace(Store(package), idx, data)
    click.echo(f"{idx}: {image.key}, group {image.group}")
    for channel in image.channels:
        plane = f", plane {channel.plane}" if channel.plane else ""
        click.echo(f"  {channel.shows}: {channel.path}{plane}")
    if image.region:
        click.echo(f"  box {image.region}")
    for row, _, detail in pictures:
        window = f"[{row['y_min']}:{row['y_max']}, {row['x_min']}:{row['x_max']}]" if row["crop"] else "whole"
        click.echo(f"  {row['split']} {row['filename']} ({row['label']}) {window}: {detail}")
    if any(not same for _, same, _ in pictures):
        sys.exit(1)


if __name__ == "__main__":
    main()
