"""The command line: what is common to all commands."""

from __future__ import annotations

import logging
import sys
from typing import Any, NoReturn

import click

from builder import __version__, interrupt
from builder.commands.about import doctor
from builder.commands.finished import export, push, trace, verify
from builder.commands.look import diff, label, recipe, sources, status
from builder.commands.machine import explained
from builder.commands.make import annotate, build, convert, demo
from builder.commands.own import download, new
from builder.commands.pages import report, show
from builder.commands.shown import say
from builder.errors import INTERRUPTED, UserError
from builder.escape import PrintableFormatter, one_line

_COMMANDS = (
    demo,
    sources,
    download,
    new,
    annotate,
    label,
    recipe,
    build,
    status,
    diff,
    convert,
    verify,
    report,
    show,
    trace,
    export,
    push,
    doctor,
)


class _Commands(click.Group):
    """Command group in order of use, with one-line errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [str(command.name) for command in _COMMANDS]

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            _end_as_interrupted(ctx)
        except Exception as error:
            if interrupt.pressed():
                _end_as_interrupted(ctx)
            if isinstance(error, click.ClickException):
                raise
            text = str(error) if isinstance(error, UserError) else explained(error)
            if text is None:
                raise
            logging.getLogger("builder").debug("the whole of it:", exc_info=error)
            raise click.ClickException(one_line(text)) from None


def _end_as_interrupted(ctx: click.Context) -> NoReturn:
    name = ctx.invoked_subcommand or ""
    say(f"\ninterrupted; {_AFTER_INTERRUPT.get(name, 'run the same command again')}", err=True)
    sys.exit(INTERRUPTED)


_RESUME = "finished work is kept: run the same command again to resume"
_AFTER_INTERRUPT = {
    **dict.fromkeys(("demo", "annotate", "build", "convert", "push"), _RESUME),
    "label": "WORK is as it was, or holds the new labels: run the same command again",
    "report": "no page was written: run the same command again",
}


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="cytoimagenet")
@click.option("-v", "--verbose", is_flag=True, help="Log more details.")
@click.option("-q", "--quiet", is_flag=True, help="Log only warnings and errors.")
def main(verbose: bool, quiet: bool) -> None:
    """Build CytoImageNet, a weakly labelled microscopy dataset.

    It becomes a Hugging Face package.

    \b
    Try it:     cytoimagenet demo
    With data:  cytoimagenet sources DATA                    what is there, what is missing, how to get it
                cytoimagenet build DATA -o out/cytoimagenet
                cytoimagenet verify out/cytoimagenet

    DATA holds one folder per source, named as `cytoimagenet sources` lists them.

    \b
    Completion: eval "$(_CYTOIMAGENET_COMPLETE=bash_source cytoimagenet)"    in ~/.bashrc; zsh_source for zsh,
                _CYTOIMAGENET_COMPLETE=fish_source cytoimagenet | source     for fish
    """
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("builder").setLevel(level)


for _command in _COMMANDS:
    main.add_command(_command)
