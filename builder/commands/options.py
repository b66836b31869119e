"""Options that several commands share."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from builder.errors import UserError

if TYPE_CHECKING:
    from builder.engine.log import RunLog
    from builder.engine.run import RunSettings
    from builder.engine.store import Store

OF_READING = "of reading"
"""What --retry-rejects means without a reason."""

Command = TypeVar("Command", bound=Callable[..., Any])


def recipe_options(command: Command) -> Command:
    """Add --recipe and --set."""
    text = "One key of the recipe, for instance --set min_images=50; may be repeated."
    command = click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=text)(command)
    text = "TOML file with the recipe keys that differ from their defaults."
    return click.option("--recipe", "recipe_file", type=click.Path(dir_okay=False), help=text)(command)


def run_options(command: Command) -> Command:
    """Add --workers and --scheduler."""
    text = "Address of a Dask scheduler that takes the place of local processes, tcp://host:8786."
    command = click.option("--scheduler", metavar="ADDRESS", help=text)(command)
    text = "Processes; 0 runs everything in this one. Default: one per core."
    return click.option("--workers", type=click.IntRange(min=0), default=None, help=text)(command)


def fault_options(command: Command) -> Command:
    """Add --skip-unreadable, --retry-rejects and --time-limit."""
    text = "Seconds an image may take before it is tried alone; taking longer again is a fault of the machine."
    limit = click.FloatRange(min=0, min_open=True)
    command = click.option("--time-limit", type=limit, default=300.0, show_default=True, metavar="SECONDS", help=text)(
        command
    )
    text = (
        "Retry images that an earlier build rejected for REASON (as in rejects.parquet); may be repeated; "
        "without REASON, those whose files could not be decoded or crashed the process."
    )
    command = click.option(
        "--retry-rejects", multiple=True, is_flag=False, flag_value=OF_READING, metavar="[REASON]", help=text
    )(command)
    text = (
        "Where files cannot be read now, or memory or time runs out, go on without these images: they are "
        "counted and tried again next time, and the exit code is 3. Default: stop at the first."
    )
    return click.option("--skip-unreadable", is_flag=True, help=text)(command)


def reasons(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the reasons that --retry-rejects names."""
    from builder.stages.standardize import rejects

    named = [name for name in given if name != OF_READING]
    return tuple(dict.fromkeys([*named, *(rejects.OF_READING if OF_READING in given else ())]))


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
    text = "Shrink examples whose longer side exceeds PIXELS to that size: a compact package for training at one size."
    command = click.option("--size", type=click.IntRange(min=1), metavar="PIXELS", help=text)(command)
    text = "Format of the shards."
    formats = click.Choice(["arrow", "parquet"])
    command = click.option("--format", "file_format", type=formats, default="arrow", show_default=True, help=text)(
        command
    )
    text = "Folder (or URL) for intermediate results, kept for the next run. Default: PACKAGE.work"
    command = click.option("--work", metavar="DIR", help=text)(command)
    text = "Folder (or URL) of the package."
    return click.option("-o", "--output", "package", required=True, metavar="PACKAGE", help=text)(command)


def build_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of commands that make a package.

    The command is given ``context`` and ``package``, and what else it asks for.
    """

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
        *,
        skip_unreadable: bool,
        retry_rejects: tuple[str, ...],
        time_limit: float,
        **others: Any,
    ) -> None:
        from builder.engine.store import Store
        from builder.recipe import Recipe
        from builder.stages.context import BuildContext
        from builder.stages.thresholds import Auto

        values = Recipe.values(recipe_file, with_size(settings, size))
        auto = Auto.taken_from(values)
        context = BuildContext(
            data=data,
            work=Store(work or f"{package.rstrip('/')}.work"),
            recipe=Recipe.of(values),
            auto=auto,
            settings=run_settings(workers, scheduler, time_limit),
            only=only,
            file_format=file_format,
            include_restricted=include_restricted,
            frugal=frugal,
            skip_unreadable=skip_unreadable,
            retry_rejects=reasons(retry_rejects),
        )
        command(context=context, package=Store(package), **others)

    return package_options(recipe_options(run_options(fault_options(with_context))))


def with_size(settings: tuple[str, ...], size: int | None) -> tuple[str, ...]:
    """Return the settings of the recipe, with what --size says."""
    return settings if size is None else (*settings, f"size={size}")


def _names(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def run_settings(workers: int | None, scheduler: str | None, time_limit: float = 300.0) -> RunSettings:
    """Return the run settings, by default one process per core."""
    from builder.engine.run import RunSettings

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return RunSettings(usable if workers is None else workers, scheduler, time_limit)


@contextlib.contextmanager
def working_in(work: Store) -> Iterator[RunLog]:
    """Hold WORK's lock and run log during the block.

    Only a local WORK is locked.
    """
    from builder.engine.run_logs import open_log
    from builder.stages.lock import locked

    with locked(work):
        work.clean()  # what killed processes left half-written
        with open_log(work) as run_log:
            yield run_log


def fail_for_left_out(names: Sequence[str]) -> None:
    """Raise where available sources could not be read.

    What was made, or planned, lacks them.
    """
    if names:
        raise UserError(f"left out, for the reasons given above: {', '.join(names)}; everything else is done")
