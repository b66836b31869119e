"""Writes the explorer: pages that open without a server."""

from __future__ import annotations

import html
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from builder.engine.store import Store
from builder.errors import UserError
from builder.inspect.explorer import map as examples_map
from builder.inspect.explorer.audit import split_audit, with_split
from builder.inspect.explorer.choose import choose
from builder.inspect.explorer.class_pages import write_class_pages
from builder.inspect.explorer.compared import compared
from builder.inspect.explorer.dropped import dropped
from builder.inspect.explorer.project import alike_classes, standardised
from builder.inspect.explorer.record import alike_tokens, build_record, source_facts
from builder.inspect.explorer.refused import Refused
from builder.inspect.explorer.rows import read_rows
from builder.inspect.explorer.scripts import write_script
from builder.inspect.explorer.summary import classes_of, shares_of, summary
from builder.inspect.explorer.wholes import write_wholes
from builder.inspect.source_images import SourceImages
from builder.package.data_files import MALFORMED, raise_of_machine
from builder.package.identity import identity_of
from builder.package.manifest import read_manifest
from builder.package.overlaps import overlap_audit
from builder.recipe import Recipe
from builder.schema import CATEGORIES
from builder.stages import work_files

SAMPLES: Final = 48
"""Examples of a class that are shown, where it has so many."""
PAGE: Final = "index.html"
_MARK: Final = "data/index.js"
_ASSETS: Final = Path(__file__).resolve().parent / "assets"


class Wanted(NamedTuple):
    """What a report is made of, beside the package.

    Parameters
    ----------
    work : of the build; what it left out is shown from there
    data : the folders of the sources: source images, and what was refused, are made again
    embeddings : Parquet with a vector of each example, in place of the package's own description
    deep : decode all examples, and show those on both sides that show one part of a scene
    workers : threads that do
    samples : examples of a class
    audit : compare training and validation by content
    """

    work: str | None = None
    data: str | None = None
    embeddings: Path | None = None
    deep: bool = False
    workers: int = 1
    samples: int = SAMPLES
    audit: bool = True


def write_explorer(package: Store | str, out: Path, wanted: Wanted | None = None) -> Path:
    """Write the explorer of a package; return its first page.

    What an earlier run wrote there is replaced when all is written.

    Raises
    ------
    UserError
        Where the folder is no finished package, or ``out`` holds something else.
    """
    store = package if isinstance(package, Store) else Store(package)
    if out.exists() and not (out / _MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there and is no report; name another folder with -o")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        made = Path(scratch) / "report"
        made.mkdir()
        try:
            _write(store, made, wanted or Wanted(), out)
        except MALFORMED as error:
            raise_of_machine(error)
            text = f"{type(error).__name__}: {error}".splitlines()[0]
            raise UserError(f"{store.url} is inconsistent ({text}); see `cytoimagenet verify`") from error
        if out.exists():
            out.rename(Path(scratch) / "before")
        made.rename(out)
    return out / PAGE


def _write(store: Store, out: Path, wanted: Wanted, before: Path) -> None:
    manifest = read_manifest(store)
    recipe = Recipe.of(manifest["recipe"])
    work = Store(wanted.work) if wanted.work else None
    work = work if work is not None and work.list(work_files.PARTS) else None
    data = SourceImages(wanted.data, recipe) if wanted.data else None
    table = read_rows(store)
    classes = classes_of(table)
    shown = write_class_pages(out, store, manifest, table, classes, choose(table, classes.of_row, wanted.samples))
    points = examples_map.on_map(shown, classes)
    vectors: npt.NDArray[Any] = shown.vectors[points]
    what = "32 numbers of grey levels, texture and edges (no learned model)"
    if wanted.embeddings:
        given, known = examples_map.read_embeddings(wanted.embeddings, store, shown.rows[points])
        points, vectors, what = points[known], given[known], f"embeddings of {wanted.embeddings.name}"
    write_script(out / "data" / "map.js", "map", examples_map.map_data(table, classes, shown, points, vectors, what))
    of_points = classes.of_row[shown.rows[points]]
    alike = alike_classes(standardised(vectors), of_points, len(classes.names))
    content = compared(store, manifest, with_split(table), out, before) if wanted.audit else None
    overlaps = overlap_audit(store, manifest["files"], wanted.workers) if wanted.deep else None
    counted = summary(table, classes)
    parts = {
        "dropped": dropped(out, store, manifest, table, Refused(work, data, recipe)),
        "audit": split_audit(out, store, manifest, table, content, overlaps) | {"shares": shares_of(counted)},
        "tokens": alike_tokens(table),
        "record": build_record(manifest),
    }
    for name, value in parts.items():
        write_script(out / "data" / f"{name}.js", name, value)
    index = {
        "title": identity_of(manifest).name,
        **{name: manifest[name] for name in ("version", "simulated", "images", "format")},
        "package": store.url.rstrip("/").rpartition("/")[2],
        "order": list(CATEGORIES),
        "sources": source_facts(manifest),
        "classes": counted,
        "alike": [[[other, round(distance, 3)] for other, distance in found] for found in alike],
        "wholes": write_wholes(out, data, table, classes, shown) if data else 0,
        "samples": wanted.samples,
        "points": int(np.size(points)),
    }
    write_script(out / _MARK, "index", index)
    _write_page(out, identity_of(manifest).name, manifest["simulated"], manifest["version"])


def _write_page(out: Path, name: str, simulated: bool, version: str) -> None:
    """Write the page and copy what it loads."""
    assets = sorted(path for path in _ASSETS.iterdir() if path.suffix in (".css", ".js", ".svg"))
    (out / "assets").mkdir()
    for path in assets:
        shutil.copyfile(path, out / "assets" / path.name)
    scripts = "\n".join(f'<script src="assets/{path.name}" defer></script>' for path in assets if path.suffix == ".js")
    title = f"{name} {version}{' (SIMULATED)' if simulated else ''}"
    page = (_ASSETS / "page.html").read_text("utf-8")
    page = page.replace("$title$", html.escape(title)).replace("$scripts$", scripts)
    (out / PAGE).write_text(page, "utf-8")
