"""Options that several commands share."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from builder.errors import UserError

if TYPE_CHECKING:
    from builder.engine.log import RunLog
    from builder.engine.run import RunSettings
    from builder.engine.store import Store

Command = TypeVar("Command", bound=Callable[..., Any])


def recipe_options(command: Command) -> Command:
    """Add --recipe and --set."""
    text = "One number of the method, for instance --set min_images=50; as often as wanted."
    command = click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=text)(command)
    text = "TOML file with the numbers of the method that differ from the default."
    return click.option("--recipe", "recipe_file", type=click.Path(dir_okay=False), help=text)(command)


def run_options(command: Command) -> Command:
    """Add --workers and --scheduler."""
    text = "Address of a Dask scheduler that takes the place of local processes, tcp://host:8786."
    command = click.option("--scheduler", metavar="ADDRESS", help=text)(command)
    text = "Processes; 0 runs everything in this one. Default: one a core."
    return click.option("--workers", type=click.IntRange(min=0), default=None, help=text)(command)


def source_options(command: Command) -> Command:
    """Add --only and --include-restricted."""
    return only_option(restricted_option(command))


def restricted_option(command: Command) -> Command:
    """Add --include-restricted."""
    text = "Include sources whose licence forbids publishing changed images."
    return click.option("--include-restricted", is_flag=True, help=text)(command)


def only_option(command: Command) -> Command:
    """Add --only."""
    text = "Sources to take, by dir_name, joined by commas. Default: all that are there."
    return click.option("--only", default="", metavar="NAMES", callback=_names, help=text)(command)


def package_options(command: Command) -> Command:
    """Add -o, --work, --format and --size."""
    text = "Reduce examples whose longer side has more pixels to so many: a compact package for training at one size."
    command = click.option("--size", type=click.IntRange(min=1), metavar="PIXELS", help=text)(command)
    text = "Format of the shards."
    formats = click.Choice(["arrow", "parquet"])
    command = click.option("--format", "file_format", type=formats, default="arrow", show_default=True, help=text)(
        command
    )
    text = "Folder (or URL) for what is made on the way, kept for the next run. Default: PACKAGE.work"
    command = click.option("--work", metavar="DIR", help=text)(command)
    text = "Folder (or URL) of the package."
    return click.option("-o", "--output", "package", required=True, metavar="PACKAGE", help=text)(command)


def build_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what makes a package; the command is given ``context`` and ``package``, and what else it asks for."""

    @functools.wraps(command)
    def with_context(
        data: str,
        package: str,
        work: str | None,
        file_format: str,
        size: int | None,
        recipe_file: str | None,
        settings: tuple[str, ...],
        workers: int | None,
        scheduler: str | None,
        include_restricted: bool,
        only: tuple[str, ...] = (),
        frugal: bool = False,
        **others: Any,
    ) -> None:
        from builder.engine.store import Store
        from builder.recipe import Recipe
        from builder.stages.context import BuildContext

        context = BuildContext(
            data=data,
            work=Store(work or f"{package.rstrip('/')}.work"),
            recipe=Recipe.load(recipe_file, with_size(settings, size)),
            settings=run_settings(workers, scheduler),
            only=only,
            file_format=file_format,
            include_restricted=include_restricted,
            frugal=frugal,
        )
        command(context=context, package=Store(package), **others)

    return package_options(recipe_options(run_options(with_context)))


def with_size(settings: tuple[str, ...], size: int | None) -> tuple[str, ...]:
    """Return the settings of the recipe, with what --size says."""
    return settings if size is None else (*settings, f"size={size}")


def _names(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def run_settings(workers: int | None, scheduler: str | None) -> RunSettings:
    """Return how to run, by default with a process a core."""
    from builder.engine.run import RunSettings

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return RunSettings(workers=usable if workers is None else workers, scheduler=scheduler)


@contextlib.contextmanager
def working_in(work: Store) -> Iterator[RunLog]:
    """Hold the lock of WORK, where it is local, and its run log while the block runs."""
    from builder.engine.run_logs import open_log
    from builder.stages.lock import locked

    with locked(work):
        work.clean()  # what killed processes left half-written
        with open_log(work) as run_log:
            yield run_log


def fail_for_left_out(work: Store) -> None:
    """Raise where a source that is there could not be read: what was made lacks it."""
    from builder.stages.annotate.stage import left_out_in

    if names := left_out_in(work):
        raise UserError(f"left out, for reasons said above: {', '.join(names)}; everything else is done")
