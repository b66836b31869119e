"""A build of the size of CytoImageNet, end to end.

It has 2.7 million annotated rows, about 900 classes and small examples.

    python -m benchmarks.full_build                     a hundredth of it, half a minute
    python -m benchmarks.full_build --rows 2700000      all of it, about a quarter of an hour on two cores

Work: boxes of 48 x 48 pixels in examples of noise (seeded, see ``full_build_source.py``) through the real pipeline;
the sizes from which images give crops are lowered, so that small classes give crops here too. Rows and classes are
scaled together: a class is as large as in the full build. Prints seconds a stage, memory, disk, and what 890,000 real
images would take.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import platform
import shutil
import site
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.full_build_source import FACTS, SOURCES, dir_names, write_images

FULL_ROWS, FULL_CLASSES, FULL_IMAGES = 2_700_000, 894, 890_000

_WHO = ("parent", "worker", "together")


def _held(pid: int) -> int:
    """Return a process's anonymous memory in bytes (Linux).

    What is mapped from files is left out: the kernel can drop it.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


class Marks(logging.Handler):
    """Notes each stage's end, and the memory held until then.

    The ends are told by the pipeline's own log lines.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.began = self.last = time.perf_counter()
        self.stages: list[dict[str, Any]] = []
        self._most = dict.fromkeys(_WHO, 0)
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._sample, daemon=True)
        self._watch.start()

    def emit(self, record: logging.LogRecord) -> None:
        """End a stage at the log line that says so."""
        text = record.getMessage()
        for start, end, stage in (
            ("label: ", "", "label"),
            ("standardize: ", " images to do", "what is to do"),
            ("select: ", "", "select"),
            ("shard: ", " as before", "shard"),
        ):
            if text.startswith(start) and text.endswith(end):
                self.end(stage)
                print(f"    {text}", flush=True)

    def end(self, stage: str) -> None:
        """Note the end of a stage."""
        now = time.perf_counter()
        self.stages.append({"stage": stage, "seconds": now - self.last, **self._most})
        print(
            f"  {stage:14} {now - self.last:7.1f} s, parent {self._most['parent'] / 1e6:6.0f} MB, "
            f"largest worker {self._most['worker'] / 1e6:5.0f} MB, together {self._most['together'] / 1e6:5.0f} MB",
            flush=True,
        )
        self.last = now
        self._most = dict.fromkeys(_WHO, 0)

    def most(self) -> int:
        """Return the peak memory of all processes together, in bytes.

        The largest of the stages that have ended.
        """
        return max(int(stage["together"]) for stage in self.stages)

    def stop(self) -> None:
        """End the watch."""
        self._ended.set()
        self._watch.join()

    def _sample(self) -> None:
        import psutil  # type: ignore[import-untyped]

        me = psutil.Process()
        while not self._ended.wait(0.25):
            sizes = [_held(me.pid)]
            self._note("parent", sizes[0])
            for child in me.children(recursive=True):
                try:
                    sizes.append(_held(child.pid))
                except OSError:  # it ended meanwhile
                    continue
                self._note("worker", sizes[-1])
            self._note("together", sum(sizes))

    def _note(self, who: str, size: int) -> None:
        self._most[who] = max(self._most[who], size)


class Log:
    """A run log that notes the ends of workers' stages."""

    def __init__(self, path: Path, marks: Marks) -> None:
        from builder.engine.log import RunLog

        self._log, self._marks = RunLog(path), marks

    def write(self, event: str, **given: Any) -> None:
        """Write on, and mark."""
        self._log.write(event, **given)
        if event == "stage_end" and given["stage"] in ("annotate", "standardize"):
            self._marks.end(given["stage"])


def run(rows: int, box: int, workers: int, folder: Path) -> None:
    """Build and verify, and print what it took."""
    from builder.engine.run import RunSettings
    from builder.engine.store import Store
    from builder.package.verify import verify
    from builder.recipe import Recipe
    from builder.stages.context import BuildContext
    from builder.stages.pipeline import build

    if not (folder / "data").exists():
        write_images(folder / "data")
    work, package = folder / "work", folder / "package"
    # Shards hold as many examples as real ones do, not as many bytes.
    recipe = Recipe(min_side=box, min_crop_side=box // 4, scalings=(0.5, 0.25), shard_bytes=6_300 * box * box // 2)
    marks = Marks()
    logging.getLogger("builder.stages").addHandler(marks)
    logging.getLogger("builder.stages").setLevel(logging.INFO)
    job = BuildContext(str(folder / "data"), Store(work), recipe, RunSettings(workers=workers), only=tuple(dir_names()))
    log: Any = Log(work / "run.jsonl", marks)
    manifest = build(dataclasses.replace(job, run_log=log), Store(package))
    marks.end("finish")
    built = list(marks.stages)
    most = marks.most()
    total = time.perf_counter() - marks.began
    for deep in (False, True):
        problems = verify(str(package), deep=deep, workers=workers)
        assert not problems, problems[:5]
        marks.end("verify --deep" if deep else "verify")
    marks.last = time.perf_counter()
    again = build(dataclasses.replace(job, run_log=log), Store(package))
    assert again == manifest
    marks.end("build again")
    marks.stop()
    images = int(manifest["images"])
    print(
        f"  {images:,} examples in {manifest['classes']:,} classes, build {total:.0f} s, at most {most / 1e6:,.0f} MB"
    )
    for name, place in (("WORK", work), ("PACKAGE", package)):
        files = [path.stat().st_size for path in place.rglob("*") if path.is_file()]
        print(f"  {name}: {sum(files) / 1e6:,.0f} MB in {len(files):,} files")
    extrapolate(built, images, workers)


def extrapolate(stages: list[dict[str, Any]], images: int, workers: int) -> None:
    """Print what 890,000 real images would take.

    Their pixels by a measured rate, and beside them what was measured here.
    """
    if "standardize" not in {stage["stage"] for stage in stages}:
        return  # went on from a run before: these are not the times of a build
    real = 0.0045  # core seconds: five channels of 520 x 696 pixels, 16 bit, raw TIFF (benchmarks/scale.py cost)
    terabytes = FULL_IMAGES * 5 * 520 * 696 * 2 / 1e12
    spent = {stage["stage"]: stage["seconds"] * FULL_IMAGES / images for stage in stages}
    parent = sum(spent[name] for name in ("label", "what is to do", "select", "finish"))
    spread = workers * (spent["annotate"] + spent["shard"])
    for cores in (2, 100):
        pixels = FULL_IMAGES * real / cores
        print(
            f"  {FULL_IMAGES:,} images of 5 x 520 x 696 pixels on {cores} cores: pixels {pixels / 60:.1f} min "
            f"where {terabytes:.1f} TB can be read as fast, tables (one core) {parent / 60:.1f} min, "
            f"annotate and shard {spread / cores / 60:.1f} min"
        )


def _write_plugins(folder: Path) -> None:
    """Write the made-up sources as an installed distribution.

    A module each, named by the distribution's entry points.
    """
    facts_folder = folder / "cytoimagenet_full_build-1.dist-info"
    facts_folder.mkdir(parents=True, exist_ok=True)
    (facts_folder / "METADATA").write_text("Metadata-Version: 2.1\nName: cytoimagenet-full-build\nVersion: 1\n")
    lines = ["[cytoimagenet.sources]"]
    for number, name in enumerate(dir_names()):
        text = f"from benchmarks.full_build_source import source\n\nSOURCE = source({number})\n"
        (folder / f"full_build_{name}.py").write_text(text)
        lines.append(f"{name} = full_build_{name}")
    (facts_folder / "entry_points.txt").write_text("\n".join([*lines, ""]))


def main() -> None:
    """Set up the sources, run the build and clean up.

    This process and its workers see the sources.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=FULL_ROWS // 100)
    parser.add_argument("--box", type=int, default=48, help="pixels of an example's side")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, help="folder to work in, kept; a run that was killed goes on there")
    options = parser.parse_args()
    classes = max(30, round(FULL_CLASSES * options.rows / FULL_ROWS))
    print(
        f"{options.rows:,} rows, {options.workers} workers; Python {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    folder = options.keep or Path(tempfile.mkdtemp(prefix="full-build-"))
    try:
        modules = folder.absolute() / "modules"
        _write_plugins(modules)
        made = {"rows": options.rows, "classes": classes, "box": options.box}
        os.environ[FACTS] = json.dumps(made)
        site.addsitedir(str(modules))
        run(options.rows // SOURCES * SOURCES, options.box, options.workers, folder)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
