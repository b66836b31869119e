"""Does the manifest agree with itself and with the names and sizes of the files that are there?"""

from __future__ import annotations

from collections.abc import Iterator

from builder.engine.store import Store
from builder.errors import UserError
from builder.package import layout
from builder.package.manifest import PACKAGE, Manifest, sealed, version_of
from builder.package.problem import Problem
from builder.recipe import Recipe

_KEYS = ("package", "format", "version", "simulated", "images", "classes", "recipe", "versions", "sources", "files")


def check_form(manifest: Manifest) -> Iterator[Problem]:
    """Yield what keeps a manifest from being read: nothing else can be checked then."""
    missing = [key for key in _KEYS if key not in manifest]
    if missing:
        yield _wrong(f"has no {', '.join(missing)}")
        return
    for key, kind in (("files", dict), ("recipe", dict), ("versions", dict), ("sources", list), ("images", int)):
        if not isinstance(manifest[key], kind):
            yield _wrong(f"its {key} is not a {kind.__name__}")
            return
    for path, facts in manifest["files"].items():
        wanted = ("bytes", "sha256", "rows") if layout.parse(path) else ("bytes", "sha256")
        if not isinstance(facts, dict) or not all(key in facts for key in wanted):
            yield _wrong(f"does not give {', '.join(wanted)} of {path}")
    try:
        Recipe.of(manifest["recipe"])
    except UserError as error:
        yield _wrong(f"its recipe cannot be read: {error}")


def check_manifest(manifest: Manifest) -> Iterator[Problem]:
    """Yield what is wrong with the statements of the manifest: its own hash, its version, its sums."""
    if manifest.get("sha256") != sealed(manifest)["sha256"]:
        yield _wrong("was edited: its own sha256 does not fit its content")
    if manifest["version"] != version_of(manifest):
        yield _wrong(f"says version {manifest['version']}; its files and recipe make {version_of(manifest)}")
    rows = sum(facts["rows"] for path, facts in manifest["files"].items() if path.startswith("data/"))
    if rows != manifest["images"]:
        yield _wrong(f"says {manifest['images']} images; its shards hold {rows}")
    of_sources = sum(source["images"] for source in manifest["sources"])
    if of_sources != manifest["images"]:
        yield _wrong(f"says {manifest['images']} images; those of its sources add up to {of_sources}")
    for path, facts in manifest["files"].items():
        yield from _check_place(path, facts, manifest["format"])


def check_presence(package: Store, manifest: Manifest) -> Iterator[Problem]:
    """Yield files that are missing, of another size, or not the package's; contents are not read."""
    sizes = package.sizes()
    for path, facts in manifest["files"].items():
        if path not in sizes:
            yield Problem(path, "is missing")
        elif sizes[path] != facts["bytes"]:
            cut = "truncated" if sizes[path] < facts["bytes"] else "too long"
            yield Problem(path, f"is {cut}: {sizes[path]} bytes; the manifest says {facts['bytes']}")
    for path in sizes:
        if path in forbidden(package.url):
            yield Problem(path, "must not be in a package: newer `datasets` refuse a folder with a loading script")
        elif path not in manifest["files"] and path not in (layout.MANIFEST, *layout.FOREIGN):
            yield Problem(path, "is not listed in the manifest")


def forbidden(*names: str) -> set[str]:
    """Return the scripts that make ``datasets`` 4 and later refuse a repository or folder of these names."""
    return {f"{PACKAGE}.py", *(f"{name.rstrip('/').rpartition('/')[2]}.py" for name in names)}


def _check_place(path: str, facts: dict[str, object], file_format: str) -> Iterator[Problem]:
    part = layout.parse(path)
    if part is None:
        if path.startswith(("data/", "metadata/")):
            yield Problem(path, "has a name that no data file has")
        return
    if (facts.get("config"), facts.get("split")) != (part.config, part.split):
        yield _wrong(f"gives {path} to {facts.get('config')}, {facts.get('split')}")
    if part.format != file_format:
        yield Problem(path, f"is {part.format}; all data files of this package are {file_format}")


def _wrong(what: str) -> Problem:
    return Problem(layout.MANIFEST, what)
