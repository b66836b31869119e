"""Commands that get images: new, download."""

from __future__ import annotations

from pathlib import Path

import click

from builder.commands.shown import Command, json_option, say, say_json


@click.command(cls=Command, examples=("new my-screen", "new my-screen --title Kinases", "new my-screen --force"))
@click.argument("folder")
@click.option("--title", default="", metavar="TEXT", help="Title of the source. Default: the folder's name.")
@click.option("--force", is_flag=True, help="Overwrite an existing source.toml.")
def new(folder: str, title: str, force: bool) -> None:
    """Make a source of a folder of your own images.

    It looks at FOLDER, guesses, and writes FOLDER/source.toml.

    The file has comments that help you edit it; no image is changed. What it would give is printed at once: images,
    tokens and classes, and what did not fit.
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
    say(f"\nEdit {target} until it is right, and check what it gives:  cytoimagenet annotate {name} --show")
    say(f"Then build the package:  cytoimagenet build {name} -o {package}")


@click.command(
    cls=Command,
    examples=("download bbbc013 DATA", "download bbbc022 DATA --plates 2", "download idr0016 rec_rxrx1 DATA --dry-run"),
)
@click.argument("names", metavar="SOURCE…", nargs=-1, required=True)
@click.argument("data", type=click.Path(path_type=Path, file_okay=False))
@click.option("--only-metadata", is_flag=True, help="Tables alone, no images.")
@click.option("--plates", type=click.IntRange(min=1), metavar="N", help="Archives of the first N plates alone.")
@click.option("--connections", type=click.IntRange(1, 32), default=4, show_default=True, help="Files at a time.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched; do nothing.")
@json_option
def download(
    names: tuple[str, ...],
    data: Path,
    only_metadata: bool,
    plates: int | None,
    connections: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Fetch public sources into DATA, resuming where it stopped.

    SOURCE is a name of `cytoimagenet sources`.

    Licence and size are said first. Archives are unpacked; hashes are recorded in DATA/SOURCE/.downloads.json, and
    compared where they are published. For what lies behind a login, the commands to type are printed.
    """
    from builder.download.download import download as fetch_all
    from builder.download.wanted import commands_for, wanted_files
    from builder.engine.progress import Progress
    from builder.engine.space import readable
    from builder.sources import get_source

    sources = [get_source(name.strip()) for text in names for name in text.split(",") if name.strip()]
    wanted = [one for source in sources for one in wanted_files(source, only_metadata, plates)]
    for source in sources:
        mine = [one for one in wanted if one.dir_name == source.dir_name]
        size = sum(one.size or 0 for one in mine)
        unknown = " and more, of sizes not stated" if any(one.size is None for one in mine) else ""
        if not as_json:
            say(f"{source.dir_name}: {source.name}")
            say(f"  licence: {source.license.name} {source.license.url}".rstrip())
            say(f"  {len(mine)} files, {readable(size) if size else 'size not stated'}{unknown if size else ''}")
            for line in commands_for(source, str(data)):
                say(f"  by hand: {line}")
    found = []
    if not dry_run and wanted:
        with Progress("download", sum(one.size or 0 for one in wanted), "bytes") as progress:
            found = fetch_all(wanted, data, connections, progress.add)
    if as_json:
        say_json(found or [one._asdict() for one in wanted])
        return
    for one in found:
        say(f"{one['dir_name']}/{one['name']}: {readable(one['bytes'])}{'' if one['fresh'] else ' (as before)'}")
    if found:
        only = ",".join(source.dir_name for source in sources)
        say(f"Build from it:  cytoimagenet build {data} -o out/cytoimagenet --only {only}")
