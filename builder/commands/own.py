"""Commands for sources of one's own: new."""

from __future__ import annotations

from pathlib import Path

import click

from builder.commands.shown import Command, say


@click.command(cls=Command, examples=("new my-screen", "new my-screen --title Kinases", "new my-screen --force"))
@click.argument("folder")
@click.option("--title", default="", metavar="TEXT", help="Title of the source. Default: the folder's name.")
@click.option("--force", is_flag=True, help="Write a source.toml anew where there is one.")
def new(folder: str, title: str, force: bool) -> None:
    """Make a source of a folder of your own images: look at it, guess, and write FOLDER/source.toml.

    The file is commented, for you to mend; no image is changed. What it would give is said at once: images, tokens
    and classes, and what did not fit.
    """
    from builder.inspect.own_source import gives, propose_for

    target = propose_for(folder, title, force)
    say(f"{target} is written:")
    for line in target.read_text("utf-8").splitlines():
        if (line and not line.startswith("# ")) or line.startswith("# ?"):
            say(f"  {line}")
    say("")
    for line in gives(folder):
        say(line)
    name = folder.rstrip("/")
    package = f"out/{Path(folder).resolve().name}"
    say(f"\nMend {target} with an editor, and see what it gives:  cytoimagenet annotate {name} --show")
    say(f"Then build the package:  cytoimagenet build {name} -o {package}")
