"""Commands that draw a finished package: report, show."""

from __future__ import annotations

from pathlib import Path

import click

from builder.commands.shown import Command, say


@click.command(
    cls=Command,
    examples=(
        "report out/cytoimagenet",
        "report out/cytoimagenet --data DATA --deep --workers 4",
        "report out/cytoimagenet --single-file -o page.html",
    ),
)
@click.argument("package")
@click.option(
    "--data", metavar="DATA", help="Folder (or URL) of its sources: show source images, and what was refused."
)
@click.option("--work", metavar="WORK", help="Work folder of the build, of what it left out. Default: PACKAGE.work")
@click.option("--deep", is_flag=True, help="Decode all examples: show pairs across the split that overlap as well.")
@click.option("--no-audit", is_flag=True, help="Do not compare training with validation by content.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Threads for --deep.")
@click.option("--samples", type=click.IntRange(min=4), default=48, show_default=True, help="Examples shown of a class.")
@click.option(
    "--embeddings",
    type=click.Path(dir_okay=False, path_type=Path),  # --write-embeddings may be about to write it
    metavar="FILE",
    help="Parquet with path, filename and embedding of examples: the map shows these vectors.",
)
@click.option(
    "--write-embeddings",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the package's own vectors as such a file; decodes every example.",
)
@click.option(
    "--single-file",
    is_flag=True,
    help="Write one self-contained page with four examples per class, to send by mail.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PLACE", help="Default: PACKAGE.report")
def report(
    package: str,
    data: str | None,
    work: str | None,
    deep: bool,
    no_audit: bool,
    workers: int,
    samples: int,
    embeddings: Path | None,
    write_embeddings: Path | None,
    single_file: bool,
    output: Path | None,
) -> None:
    """Write pages about PACKAGE, to open in a browser.

    Classes, a map, what was dropped, the audit of the split.

    A folder; its index.html opens in a browser, without a server or a network.
    """
    from builder.errors import UserError
    from builder.inspect.explorer.embeddings import write_embeddings as run_embeddings
    from builder.inspect.explorer.write import Wanted, write_explorer
    from builder.package.report import report as one_page
    from builder.stages.annotate.discover import located

    base = package.rstrip("/")
    name = base.rpartition("/")[2] if "://" in base else base
    if write_embeddings:
        count = run_embeddings(package, write_embeddings)
        say(f"{write_embeddings}: {count} vectors")
    if single_file:
        if data or work or embeddings or no_audit:
            others = "--data, --work, --embeddings and --no-audit"
            raise UserError(f"--single-file goes with none of {others}: leave one of them out")
        output = output or Path(f"{name}.report.html")
        output.write_text(one_page(package, deep, workers), "utf-8", errors="replace")
        say(output)
        return
    data = data and located(data)[0]
    if deep and no_audit:
        raise UserError("--deep asks for more of the audit, --no-audit for none: leave one of them out")
    wanted = Wanted(work or f"{base}.work", data, embeddings, deep, workers, samples, not no_audit)
    say(write_explorer(package, output or Path(f"{name}.report"), wanted))


@click.command(cls=Command, examples=("show out/cytoimagenet nocodazole", "show out/cytoimagenet u2os -o u2os.png"))
@click.argument("package")
@click.argument("label")
@click.option("--category", help="Category of the class, if several categories have a class of this name.")
@click.option(
    "--most", type=click.IntRange(min=1), default=48, show_default=True, help="Show at most this many examples."
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Default: LABEL.png"
)
def show(package: str, label: str, category: str | None, most: int, output: Path | None) -> None:
    """Draw a contact sheet of a class.

    The examples of LABEL of PACKAGE by source and scale, as PNG.
    """
    from builder.inspect.show_class import class_sheet

    sheet = class_sheet(package, label, category, most)
    output = output or Path("".join(letter if letter.isalnum() else "_" for letter in label) + ".png")
    output.write_bytes(sheet)
    say(output)
