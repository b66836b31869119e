"""What people do with a package of a stranger.

Each use ends well, or with one of the errors that say what is wrong.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import click
from click.testing import CliRunner

import cytoimagenet
from builder.cli import main
from builder.errors import UserError
from builder.package.verify import verify
from tests.loading.script_alone import load_script, read_all

SECONDS = 60  # of the processor; a pipe that nobody writes to takes none, so the clock counts as well
_MOST_SECONDS = 600
MEMORY = 1 << 30
Use = Callable[[Path], None]
_OURS = (cytoimagenet.PackageError, cytoimagenet.ShardError, UserError)


class Outcome(NamedTuple):
    """How a use ended, and what it took.

    ``fault`` is "" where it ended as it should, else what went wrong.
    """

    fault: str
    seconds: float
    memory: int


def use_open(package: Path) -> None:
    """Open both splits and read every row."""
    for split in ("train", "validation"):
        dataset = cytoimagenet.open(package, "full", split)
        for row in dataset.with_format("arrow"):
            row.num_rows  # noqa: B018 -- all that is asked is that it can be read
        for n in range(len(dataset)):
            dataset._data.row(n)


def use_loader(package: Path) -> None:
    """Take all batches of an epoch, decoded."""
    for _ in cytoimagenet.loader(package, "full", "train", batch_size=4, size=16, threads=2, shuffle=False):
        pass


def use_stream(package: Path) -> None:
    """Stream both splits, undecoded."""
    builder = cytoimagenet.CytoImageNet("full", data_dir=package)
    for split in builder._splits.arguments(_Streaming()).values():
        for _ in builder._generate_examples(**split):
            pass


def use_script(package: Path) -> None:
    """Stream both splits by the loading script without a reader.

    With a condition, too.
    """
    script = load_script()
    for conditions in ({}, {"crops": False}):
        try:
            read_all(script, package, **conditions)
        except (script.PackageError, script.ShardError) as error:
            raise UserError(str(error)) from None


class _Streaming:
    is_streaming = True


def use_verify(package: Path) -> None:
    """Verify, deeply, in this process: nothing may end it."""
    for problem in verify(str(package), deep=True):
        str(problem).encode("utf-8", "replace")


def command(*arguments: str) -> Callable[[Path], None]:
    """Return the use of a command of the command line."""

    def use(package: Path) -> None:
        given = [argument.replace("PACKAGE", str(package)) for argument in arguments]
        result = CliRunner().invoke(main, given, catch_exceptions=True)
        if isinstance(result.exception, SystemExit | click.ClickException) or result.exception is None:
            return
        raise result.exception

    return use


USES: dict[str, Callable[[Path], None]] = {
    "open": use_open,
    "loader": use_loader,
    "stream": use_stream,
    "script": use_script,
    "verify": use_verify,
    "report": command("report", "PACKAGE", "--single-file", "-o", os.devnull),
    "explorer": command("report", "PACKAGE", "-o", "PACKAGE.report"),
}
"""Of a package of any kind."""


def use_trace(image: str, sources: Path) -> Callable[[Path], None]:
    """Return the use that compares an image with its source."""
    return command("trace", "PACKAGE", image, "--data", str(sources))


use_convert = command("convert", "PACKAGE", "-o", "PACKAGE.out", "--workers", "0")
"""Of a release."""


def use_in_child(uses: Sequence[Use], package: Path) -> Outcome:
    """Fork, use the package there, and say how that ended.

    The uses follow one another.
    """
    reading, writing = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if not child:
        os.close(reading)
        os._exit(_in_child(uses, package, writing))
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read().decode("utf-8", "replace")
    _, status, usage = os.wait4(child, 0)
    seconds, memory = time.monotonic() - began, usage.ru_maxrss * 1024
    fault = text
    if os.WIFSIGNALED(status):
        fault = f"ended by {signal.Signals(os.WTERMSIG(status)).name}"
    elif memory > MEMORY:
        fault = fault or f"took {memory >> 20} MB"
    return Outcome(fault, seconds, memory)


def _in_child(uses: Sequence[Use], package: Path, answer: int) -> int:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # SIGALRM ends it: code that hangs in C too
    signal.alarm(_MOST_SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    for use in uses:
        try:
            use(package)
        except _OURS as error:
            if "\n" in str(error):
                os.write(answer, f"more than one line: {error}".encode("utf-8", "replace"))
        except BaseException as error:  # noqa: BLE001 -- whatever else it raises is what is looked for
            where = traceback.extract_tb(error.__traceback__)[-3:]
            text = f"{type(error).__name__}: {error} at {[f'{Path(f.filename).name}:{f.lineno}' for f in where]}"
            os.write(answer, text.encode("utf-8", "replace"))
    sys.stdout.flush()
    return 0
