"""Commands for a finished package: verify, trace, export, push."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from builder.commands.shown import Command, json_option, say, say_json
from builder.errors import FAILED


@click.command(
    cls=Command,
    examples=(
        "verify out/cytoimagenet",
        "verify out/cytoimagenet --deep --workers 4",
        "verify out/cytoimagenet --hub",
    ),
    codes={FAILED: "a line for each problem, or no package"},
)
@click.argument("package")
@click.option("--deep", is_flag=True, help="Decode every image as well.")
@click.option("--hub", is_flag=True, help="Check the rules of the hub and its viewer too; say what it will show.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@json_option
def verify(package: str, deep: bool, hub: bool, workers: int, as_json: bool) -> None:
    """Check all of PACKAGE; exit with 0 or 1.

    --deep also compares the two sides of the split by content: the same image on both is an error, images that look
    alike, and examples that show one part of a scene, are warnings.

    Safe for untrusted packages: a file that would crash the process is reported as a problem.
    """
    from builder.package.verify_subprocess import check_in_subprocess

    problems, warnings = check_in_subprocess(package, deep=deep, workers=workers)
    shown: list[str] = []
    if hub and not problems:
        problems, more, shown = _of_hub(package)
        warnings += more
    if as_json:
        found = {"problems": problems, "warnings": warnings}
        listed = {name: [one._asdict() for one in some] for name, some in found.items()}
        say_json({"package": package, **listed, **({"shown": shown} if hub else {})})
    else:
        for line in shown:
            say(line)
        for warning in warnings:
            say(f"warning: {warning}", err=True)
        for problem in problems:
            say(problem, err=True)
        if problems:
            say(f"{package}: {len(problems)} problems", err=True)
        else:
            say(f"{package}: no problems found")
    sys.exit(FAILED if problems else 0)


def _of_hub(package: str) -> tuple[list[Any], list[Any], list[str]]:
    """Return problems, warnings and facts of a hub's package."""
    from builder.engine.store import Store
    from builder.hub.rules import hub_problems, hub_warnings, yaml_bytes
    from builder.hub.viewer import shown_lines
    from builder.package.manifest import read_manifest

    store = Store(package)
    size = f"the card's YAML has {yaml_bytes(store):,} bytes"
    return hub_problems(store), list(hub_warnings(store)), [*shown_lines(read_manifest(store)), size]


@click.command(
    cls=Command,
    examples=(
        "trace out/cytoimagenet bbbc022-51842345",
        "trace out/cytoimagenet IDX --data DATA --json",
        "trace out/cytoimagenet IDX --data DATA --show idx.png",
    ),
    codes={FAILED: "an example differs from what the source's files give, or one line says what to change"},
)
@click.argument("package")
@click.argument("image")
@click.option("--data", metavar="DATA", help="Folder (or URL) with its sources: make the pixels again, and compare.")
@click.option("--work", metavar="WORK", help="Work folder of the build. Default: PACKAGE.work")
@click.option(
    "--show",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw its channels, the merged image with the windows, and its examples, as .png or .svg; needs --data.",
)
@json_option
def trace(package: str, image: str, data: str | None, work: str | None, show: Path | None, as_json: bool) -> None:
    """Say what became of an image.

    Its tokens, label and examples, or why it has none.

    IMAGE is its idx or its key; any image of the annotations can be asked for. Exits with 1 if an example of the
    package differs from what the source's files give.
    """
    from builder.engine.store import Store
    from builder.errors import UserError
    from builder.inspect.explain import lines
    from builder.inspect.show_trace import trace_figure
    from builder.inspect.trace import facts_of, remade
    from builder.stages.annotate.discover import located

    if show and not data:
        raise UserError("--show draws from the files of the sources: name them with --data")
    if show and show.suffix not in (".png", ".svg"):
        raise UserError(f"--show writes .png and .svg, not {show.name}")
    data = data and located(data)[0]
    stores = Store(package), Store(work or f"{package.rstrip('/')}.work")
    found = facts_of(*stores, image, data)
    compared = remade(stores[0], found, data) if data else []
    if show and data:
        show.write_bytes(trace_figure(stores[0], found, data, show.suffix[1:]))
    if as_json:
        say_json(found | ({"remade": compared} if data else {}))
    else:
        for line in lines(found):
            say(line)
        for example in compared:
            say(f"  {example['filename']} made again: {example['detail']}")
    if any(not example["same"] for example in compared):
        sys.exit(FAILED)


@click.command(
    cls=Command,
    examples=(
        "export out/cytoimagenet --to parquet -o out/cytoimagenet-parquet",
        "export out/cytoimagenet --to webdataset -o out/tars --config cell_type --sources bbbc005",
    ),
    codes={FAILED: "one line says what to change"},
)
@click.argument("package")
@click.option(
    "--to",
    "file_format",
    type=click.Choice(["arrow", "parquet", "webdataset", "mds", "litdata", "imagefolder"]),
    required=True,
    help="Format.",
)
@click.option("-o", "--output", metavar="OUT", required=True, help="New folder; for arrow and parquet it may be a URL.")
@click.option("--config", help="Config whose classes are exported; only for formats of training stacks. Default: full")
@click.option("--labels", multiple=True, metavar="CLASS", help="Only this class; may be repeated, as all filters.")
@click.option("--sources", multiple=True, metavar="DIR_NAME", help="Only this source.")
@click.option("--databases", multiple=True, metavar="NAME", help="Only this database.")
@click.option("--microscopy", multiple=True, metavar="KIND", help="Only this kind.")
@click.option("--licenses", multiple=True, metavar="ID", help="Only this licence.")
@click.option("--batches", multiple=True, metavar="NAME", help="Only this batch.")
@click.option("--wells", multiple=True, metavar="A01", help="Only this well, of all plates.")
@click.option("--controls", multiple=True, metavar="KIND", help="Only these controls: negative or positive.")
@click.option("--timepoints", multiple=True, metavar="NAME", help="Only this time point.")
@click.option("--z", multiple=True, type=int, metavar="N", help="Only this plane of focal series.")
@click.option("--pixel-size-um", nargs=2, type=float, metavar="LOW HIGH", help="Only pixel sizes from LOW to HIGH.")
@click.option("--commercial-use", is_flag=True, help="Only sources whose terms allow it.")
@click.option("--crops/--no-crops", default=None, help="Only crops, or only whole images.")
def export(package: str, file_format: str, output: str, config: str | None, **conditions: Any) -> None:
    """Write PACKAGE again in another format, without building it again.

    Arrow is mapped into memory for training; Parquet is what the hub shows whole, and what SQL engines read: these are
    packages again, and whole. The others are formats of training stacks, written by their own writers (extra `export`),
    of all examples or those that pass the filters. Every file is compared with its hash before it is used.
    """
    from builder.engine.store import Store
    from builder.errors import UserError
    from builder.package.export import WRITERS
    from builder.package.export import export as run_export
    from builder.package.reformat import reformat
    from cytoimagenet_reader.errors import PackageError, ShardError

    low_high, planes = conditions.pop("pixel_size_um"), list(conditions.pop("z"))
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in conditions.items()}
    unset = {"commercial_use": False, "crops": None}
    given = {name: value for name, value in given.items() if value != unset.get(name, [])}
    where: dict[str, Any] = {"z": planes} if planes else {}
    where |= {"pixel_size_um": dict(zip(("min", "max"), low_high, strict=True))} if low_high else {}
    given |= {"where": where} if where else {}
    if file_format not in WRITERS:
        if given or config:
            raise UserError(f"{file_format} is a whole package: leave out --config and filters")
        manifest = reformat(Store(package), Store(output), file_format)
        say(f"{output} is complete: version {manifest['version']}")
        return
    try:
        counts = run_export(package, output, file_format, config or "full", given)
    except (PackageError, ShardError) as error:
        raise UserError(str(error)) from None
    say(f"{output} is complete: {', '.join(f'{count} {split}' for split, count in counts.items())}")


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
    """Upload PACKAGE to the hub as dataset REPO_ID.

    REPO_ID is, for instance, my-lab/cytoimagenet.

    The package is verified first. Readers see the old build until one last commit shows the whole new one. After an
    interruption, run the same command again to resume. The token is that of `hf auth login` or HF_TOKEN.
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
