"""A package's ``manifest.json`` and ``classes.json``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

import builder
from builder.code_version import library_versions
from builder.engine.store import Store
from builder.errors import UserError
from builder.package.credits import license_page, source_facts, sources_page
from builder.package.extras import extras_of
from builder.package.features import schema_of
from builder.package.intensity import by_config
from builder.recipe import DESCRIBING, Recipe
from builder.schema import CATEGORIES, SPLITS
from builder.sources.base import Source
from cytoimagenet_reader.columns import columns_of
from cytoimagenet_reader.layout import CLASSES, FULL, LICENSE_PAGE, MANIFEST, SOURCES_PAGE
from cytoimagenet_reader.links import leading_out
from cytoimagenet_reader.manifest import ManifestError, parse_classes, parse_manifest

PACKAGE: Final = "cytoimagenet"

Manifest = dict[str, Any]
"""As it is made here; what is read has the types of ``cytoimagenet_reader.manifest``."""
ClassIndex = dict[str, dict[str, Any]]


def build_manifest(
    *,
    file_format: str,
    files: Mapping[str, Mapping[str, Any]],
    selection: pa.Table,
    class_index: ClassIndex,
    recipe: Recipe,
    sources: Iterable[Source],
    report: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
) -> Manifest:
    """Return the manifest of a package.

    Parameters
    ----------
    files : path -> rows, bytes, sha256, config and split of a data file, and where the batches of a shard are; bytes
        and sha256 of any other.
    selection : table of ``builder.schema.SELECTION``
    extra : facts of the columns that sources added, `builder.package.extras.extra_facts`
    """
    used = source_facts(selection, sources)
    manifest: Manifest = {
        "package": PACKAGE,
        "format": file_format,
        "version": "",
        "simulated": any(source["simulated"] for source in used),
        "images": selection.num_rows,
        "classes": len(class_index[FULL]["names"]),
        "intensity": by_config(files),
        "recipe": recipe.as_dict(),
        "versions": {PACKAGE: builder.__version__} | library_versions(),
        "sources": used,
        "columns": columns_of(schema_of(FULL, extras_of({"extra": extra or {}}))),
        **({"extra": dict(extra)} if extra else {}),
        "report": dict(report),
        "files": {path: dict(files[path]) for path in sorted(files)},
    }
    return sealed(manifest | {"version": version_of(manifest)})


def version_of(manifest: Manifest) -> str:
    """Return a package's version, ``<builder's version>-<8 hex digits>``.

    The digits change when any row, class or shard does. They come from the data files and the recipe alone, so that the
    same build has the same version everywhere and the card can name it.
    """
    data = {path: facts["sha256"] for path, facts in manifest["files"].items() if "rows" in facts}
    numbers = {key: value for key, value in manifest["recipe"].items() if key not in DESCRIBING}
    digits = _digest({"files": data, "recipe": numbers})[:8]
    return f"{manifest['versions'][PACKAGE]}-{digits}"


def sealed(manifest: Manifest) -> Manifest:
    """Return the manifest with its own hash as last key.

    The hash is of all its other keys.
    """
    rest = {key: value for key, value in manifest.items() if key != "sha256"}
    return rest | {"sha256": _digest(rest)}


def write_manifest(package: Store, manifest: Manifest) -> None:
    """Write ``manifest.json``, the last file of a package.

    Its presence says that the package is whole.
    """
    package.write_bytes(MANIFEST, to_json(manifest))


def no_package(place: Store) -> UserError:
    """Return the error for a folder without a manifest."""
    return UserError(f"{place.url} is not a finished package: it holds no {MANIFEST}; run build again")


def manifest_of(content: bytes) -> Manifest:
    """Parse a ``manifest.json``; raise ManifestError where it is unusable."""
    return {**parse_manifest(content)}


def read_manifest(package: Store) -> Manifest:
    """Return the manifest of a package.

    Raises
    ------
    UserError
        Where the folder holds none, or one that cannot be used, or a file of it is a link to one elsewhere.
    """
    if not package.exists(MANIFEST):
        raise no_package(package)
    check_links(package, [MANIFEST, CLASSES])
    try:
        manifest = manifest_of(package.read_bytes(MANIFEST))
    except ManifestError as error:
        raise UserError(f"{package.url}/{MANIFEST} {error}; build the package again, or copy it again") from None
    Recipe.of(manifest["recipe"])
    check_links(package, manifest["files"])
    return manifest


def check_links(package: Store, paths: Iterable[str]) -> None:
    """Raise UserError where a package's files lie outside its folder.

    Only local packages are checked.
    """
    root = package.local("")
    if root is not None and (fault := leading_out(root, paths)):
        raise UserError(f"{package.url}: {fault}")


def class_index(selection: pa.Table) -> ClassIndex:
    """Return each config's class names and counts by split.

    Configs are those that give labels; names are in ClassLabel order. Names are sorted by code point. ``{"full":
    {"names": [...], "counts": {"train": {name: n}, ...}}, ...}``, ``full`` first, then the categories present in schema
    order; splits without images are left out.
    """
    counted = selection.group_by(["category", "split", "label"]).aggregate([([], "count_all")]).to_pylist()
    index: ClassIndex = {}
    for config in (FULL, *CATEGORIES):
        rows = [row for row in counted if config in (FULL, row["category"])]
        if not rows and config != FULL:
            continue
        names = sorted({row["label"] for row in rows})
        splits = [split for split in SPLITS if any(row["split"] == split for row in rows)]
        counts = {split: dict.fromkeys(names, 0) for split in splits}
        for row in rows:
            counts[row["split"]][row["label"]] += row["count_all"]
        index[config] = {"names": names, "counts": counts}
    return index


def read_class_index(package: Store) -> ClassIndex:
    """Return what ``classes.json`` says.

    Raises
    ------
    UserError
        Where it is missing or cannot be used.
    """
    try:
        return class_index_of(package.read_bytes(CLASSES))
    except FileNotFoundError:
        raise UserError(f"{package.url} holds no {CLASSES}; build the package again, or copy it again") from None
    except ManifestError as error:
        raise UserError(f"{package.url}/{CLASSES} {error}; build the package again, or copy it again") from None


def class_index_of(content: bytes) -> ClassIndex:
    """Parse a ``classes.json``; raise ManifestError where it is unusable."""
    return {config: {**classes} for config, classes in parse_classes(content).items()}


def file_facts(content: bytes) -> dict[str, Any]:
    """Return a file's bytes and sha256 for the manifest."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


_NUMBERS: Final = re.compile(r"\[\n\s*((?:\d+,\n\s*)*\d+)\n\s*\]")  # a text in JSON holds no end of a line


def to_json(value: object) -> bytes:
    """Return readable JSON in UTF-8.

    One space of indent, keys in the order given, a list of numbers on one line.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False)
    text = _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)
    return text.encode() + b"\n"


def write_small_files(package: Store, index: ClassIndex, facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Write the class index, licence and sources; return manifest facts.

    The files are ``classes.json``, ``LICENSE.md`` and ``SOURCES.md``.
    """
    contents = {
        CLASSES: to_json(index),
        LICENSE_PAGE: license_page(facts).encode(),
        SOURCES_PAGE: sources_page(facts).encode(),
    }
    for path, content in contents.items():
        package.write_bytes(path, content)
    return {path: file_facts(content) for path, content in contents.items()}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
