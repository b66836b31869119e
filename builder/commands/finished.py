"""Commands for a finished package: verify, trace, report, push."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from builder.commands.shown import FAILED, Command, json_option, say, say_json


@click.command(
    cls=Command,
    examples=("verify out/cytoimagenet", "verify out/cytoimagenet --deep --workers 4"),
    codes={FAILED: "a line for each problem, or no package"},
)
@click.argument("package")
@click.option("--deep", is_flag=True, help="Decode every image as well.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@json_option
def verify(package: str, deep: bool, workers: int, as_json: bool) -> None:
    """Check everything that can be checked in PACKAGE; exit with 0 or 1.

    Safe for packages of strangers: a file that would end the process is one of the problems.
    """
    from builder.package.verify_apart import verify_apart

    problems = verify_apart(package, deep=deep, workers=workers)
    if as_json:
        say_json({"package": package, "problems": [problem._asdict() for problem in problems]})
    else:
        for problem in problems:
            say(problem, err=True)
        if problems:
            say(f"{package}: {len(problems)} problems", err=True)
        else:
            say(f"{package}: as it should be")
    sys.exit(FAILED if problems else 0)


@click.command(
    cls=Command,
    examples=("trace out/cytoimagenet bbbc022-51842345 --data DATA", "trace out/cytoimagenet IDX --data DATA --json"),
    codes={FAILED: "an example is not what the files give, or one line says what to change"},
)
@click.argument("package")
@click.argument("idx")
@click.option("--data", required=True, metavar="DATA", help="Folder (or URL) with its sources.")
@json_option
def trace(package: str, idx: str, data: str, as_json: bool) -> None:
    """Show where the image IDX of PACKAGE came from, and make its pixels again from the source's files.

    Exits with 1 if an example of the package is not what the files give.
    """
    from builder.engine.store import Store
    from builder.inspect.trace import trace as run_trace

    image, examples = run_trace(Store(package), idx, data)
    if as_json:
        facts = [{**row, "same": same, "detail": detail} for row, same, detail in examples]
        channels = [channel._asdict() for channel in image.channels]
        found = {"idx": idx, "key": image.key, "group": image.group, "region": image.region, "channels": channels}
        say_json({**found, "examples": facts})
    else:
        say(f"{idx}: {image.key}, group {image.group}")
        for channel in image.channels:
            plane = f", plane {channel.plane}" if channel.plane else ""
            say(f"  {channel.shows}: {channel.path}{plane}")
        if image.region:
            say(f"  box {image.region}")
        for row, _, detail in examples:
            window = f"[{row['y_min']}:{row['y_max']}, {row['x_min']}:{row['x_max']}]" if row["crop"] else "whole"
            say(f"  {row['split']} {row['filename']} ({row['label']}) {window}: {detail}")
    if any(not same for _, same, _ in examples):
        sys.exit(FAILED)


@click.command(cls=Command, examples=("report out/cytoimagenet", "report out/cytoimagenet -o page.html"))
@click.argument("package")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Default: PACKAGE.report.html")
def report(package: str, output: Path | None) -> None:
    """Write one HTML page about PACKAGE: classes, samples, rejects, leakage audit.

    The page is complete in itself: its images are in it.
    """
    from builder.package.report import report as make_report

    page = make_report(package)
    if output is None:
        output = Path(
            f"{package.rstrip('/').rpartition('/')[2] if '://' in package else package.rstrip('/')}.report.html"
        )
    output.write_text(page, "utf-8", errors="replace")
    say(output)


@click.command(
    cls=Command,
    examples=("push out/cytoimagenet my-lab/cytoimagenet --dry-run", "push out/cytoimagenet my-lab/cytoimagenet"),
)
@click.argument("package")
@click.argument("repo_id")
@click.option("--private", is_flag=True, help="Make the repository private, if it is made.")
@click.option("--revision", metavar="BRANCH", help="Branch to push to. Default: main")
@click.option("--create-pr", is_flag=True, help="Open a pull request in place of changing the branch.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--tag", help="Name of the version. Default: v<version of the package>")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that verify.")
def push(
    package: str,
    repo_id: str,
    private: bool,
    revision: str | None,
    create_pr: bool,
    dry_run: bool,
    tag: str | None,
    workers: int,
) -> None:
    """Upload PACKAGE to the hub as the dataset REPO_ID, for instance my-lab/cytoimagenet.

    The package is verified first. Readers see the old build until one last commit shows the whole new one. After an
    interruption the same command goes on. The token is that of `hf auth login` or HF_TOKEN.
    """
    from builder.hub.push import push as run_push
    from builder.hub.quiet import quiet_client

    with quiet_client():
        done = run_push(
            package,
            repo_id,
            private=private,
            revision=revision,
            create_pr=create_pr,
            dry_run=dry_run,
            tag=tag,
            workers=workers,
        )
    say(done.url)
