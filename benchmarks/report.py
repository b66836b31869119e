"""The explorer of a package of the size of CytoImageNet.

Measured are seconds, memory, files, and its first view in a browser.

    python -m benchmarks.report                                    894 classes, 890,000 examples: about 3 GB of disk
    python -m benchmarks.report --examples 20000 --classes 60      a small one

The package is made up (see ``report_package.py``): small examples of smooth noise, many times the same, in as many
classes, sources and shards as the real one. The report runs in a process of its own, whose peak memory is printed. The
first view is measured where playwright and a Chromium are: the time from opening to the first paint and to the first
cards, and the bytes of the files that it asks for. Then the report is used as its tests use it: search, filter, a class
and an example by keyboard, a loop on the map, every view in light and dark, no complaint of the browser.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report_package import write_package
from tests.inspect.explorer.use import OPTIONS, use, watched

_RUNS = 5


def child(package: Path, out: Path) -> None:
    """Write the report; print seconds and peak memory as JSON."""
    from builder.engine.memory import own_peak_memory
    from builder.inspect.explorer.write import write_explorer

    began = time.perf_counter()
    write_explorer(str(package), out)
    print(json.dumps({"seconds": time.perf_counter() - began, "peak": own_peak_memory()}))


def sizes(out: Path) -> None:
    """Print the files of the report by folder."""
    total = 0
    for folder in (".", "assets", "covers", "data", "sheets"):
        files = [path.stat().st_size for path in (out / folder).iterdir() if path.is_file()]
        total += sum(files)
        largest = max(files, default=0)
        print(f"  {folder:8} {len(files):6,} files {sum(files) / 1e6:9.1f} MB, the largest {largest / 1e3:8.0f} kB")
    print(f"  together {total / 1e6:,.0f} MB; data/index.js {(out / 'data/index.js').stat().st_size / 1e3:,.0f} kB")


def looked_at(out: Path) -> None:
    """Print how long the first view takes and its files.

    Says that all views work, too, or why none of that is known.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        browser = None
    if browser is None:
        print("  first view: no playwright, or no Chromium")
        return
    found: list[tuple[float, float]] = []
    asked: set[str] = set()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser, args=OPTIONS)
        for _ in range(_RUNS):
            page = running.new_context(viewport={"width": 1360, "height": 900}).new_page()
            page.on("request", lambda request: asked.add(request.url))
            page.goto((out / "index.html").as_uri())
            page.wait_for_selector(".card")
            cards = page.evaluate("performance.now()")
            page.wait_for_load_state("networkidle")
            paint: Any = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN")
            found.append((float(paint), float(cards)))
            page.close()
        began = time.perf_counter()
        with watched(running, out / "index.html") as page:
            use(page)
        used = time.perf_counter() - began
        running.close()
    loaded = [Path(url.removeprefix("file://")) for url in asked if url.startswith("file:")]
    size = sum(path.stat().st_size for path in loaded)
    for name, values in zip(("first paint", "first cards"), zip(*found, strict=True), strict=True):
        ordered = sorted(values)
        print(f"  {name}: median {ordered[_RUNS // 2]:.0f} ms, {ordered[0]:.0f} to {ordered[-1]:.0f}, of {_RUNS}")
    print(f"  the first view loads {len(loaded)} files, {size / 1e6:.2f} MB")
    print(f"  every view was used in {used:.0f} s, and the browser complained of nothing")


def main() -> None:
    """Make the package, report on it, and print the costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=890_000)
    parser.add_argument("--classes", type=int, default=894)
    parser.add_argument("--keep", type=Path, help="folder to work in, kept; a package that is there is taken as it is")
    parser.add_argument("--child", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    print(
        f"{options.examples:,} examples, {options.classes:,} classes; Python {platform.python_version()}, "
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    folder = options.keep or Path(tempfile.mkdtemp(prefix="report-"))
    try:
        package, out = folder / "cytoimagenet", folder / "report"
        if not (package / "manifest.json").exists():
            began = time.perf_counter()
            write_package(package, options.examples, options.classes)
            print(f"  the package was made in {time.perf_counter() - began:.0f} s", flush=True)
        command = [sys.executable, "-m", "benchmarks.report", "--child", str(package), str(out)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        took = json.loads(done.stdout.splitlines()[-1])
        print(f"  report: {took['seconds']:.0f} s, at most {(took['peak'] or 0) / 1e6:,.0f} MB of memory", flush=True)
        sizes(out)
        looked_at(out)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
