"""Command descriptions, and terminal-safe output of text and JSON."""

from __future__ import annotations

import json
from typing import Any

import click

from builder.errors import DONE, FAILED, INCOMPLETE, INTERRUPTED, MISUSED
from builder.escape import printable

_CODES = {
    DONE: "done",
    FAILED: "failed; one line says what to change",
    MISUSED: "a wrong option or argument",
    INCOMPLETE: "done, except for images that could not be tried: run the same command again",
    INTERRUPTED: "interrupted; run the same command again",
}


class Command(click.Command):
    """A command whose help ends with examples and exit codes.

    Parameters
    ----------
    examples : command lines, without the program's name
    codes : exit codes beside 0, 1, 2 and 130, or other meanings of these
    """

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), codes: dict[int, str] | None = None, **kw: Any):
        super().__init__(*args, **kw)
        self.examples = examples
        self.codes = {code: _CODES[code] for code in (DONE, FAILED, MISUSED, INTERRUPTED)} | (codes or {})

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples and the exit codes."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write_text(f"cytoimagenet {example}")
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in sorted(self.codes.items())])


def say(text: object, err: bool = False) -> None:
    """Write a line, made safe for the terminal."""
    click.echo(printable(str(text)), err=err)


def say_json(value: object) -> None:
    """Write facts for programs: one JSON value, UTF-8."""
    click.echo(printable(json.dumps(value, indent=1, ensure_ascii=False, default=str)))


def json_option(command: Any) -> Any:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Write the facts as JSON, for programs.")(command)
