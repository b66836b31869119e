"""Runs the demo: simulate, build as usual, load, show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from builder.demo.simulate import IMAGES, simulate
from builder.engine.progress import Progress
from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.errors import UserError
from builder.inspect.explorer.write import Wanted, write_explorer
from builder.recipe import Recipe
from builder.stages.annotate.discover import SIMULATED_MARK
from builder.stages.context import BuildContext
from builder.stages.lock import locked
from builder.stages.pipeline import build

DEMO_RECIPE = Recipe(min_images=20, class_size=100, min_class_size=30, part_images=50)
"""The method's numbers, scaled down to a few hundred images."""


def run_demo(out: Path, settings: RunSettings, say: Callable[[str], Any]) -> None:
    """Make the demo's package below ``out`` and load it.

    The sources and the work folder are made there too.

    Raises
    ------
    UserError
        Where ``out`` holds something else.
    """
    data, package = out / "data", out / "cytoimagenet"
    if not (data / SIMULATED_MARK).exists() and any(path.is_file() for path in out.rglob("*")):
        raise UserError(f"{out} is not empty and not a demo; name another folder")
    say(f"SIMULATED images, made up by this program, in {data}")
    with Progress("simulate", IMAGES, "images") as progress:
        simulate(data, on_image=progress.add)
    work = Store(str(out / "work"))
    with locked(work):
        manifest = build(BuildContext(str(data), work, DEMO_RECIPE, settings), Store(str(package)))
    say(f"\nBuilt {package}: {manifest['images']} simulated examples in {manifest['classes']} classes")
    wanted = Wanted(work=work.url, data=str(data))
    _show(package, write_explorer(str(package), out / "report", wanted), say)


def _show(package: Path, page: Path, say: Callable[[str], Any]) -> None:
    import cytoimagenet

    train = cytoimagenet.open(str(package), "full", "train")
    names = train.features["label"].names
    counts = Counter(train["label"])
    say(f"Loaded: {len(train)} training images of {train[0]['image'].size} pixels ({train[0]['image'].mode})")
    for label, count in sorted(counts.items()):
        say(f"  {names[label]:<24} {count:>4}  {'#' * (count // 4)}")
    say(f"\nLoad it yourself, in the folder {package.parent}:\n")
    say("  from datasets import load_dataset")
    say('  cells = load_dataset("cytoimagenet", "cell_type", split="train")')
    say('  print(cells.features["label"].names, cells[0]["image"].size)')
    say(f"\nLook at it in a browser, without a server: {page}")
