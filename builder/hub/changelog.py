"""``CHANGELOG.md`` of a pushed package.

It says what changed in classes, images and sources between two manifests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from builder.escape import markdown
from builder.package.manifest import ClassIndex, Manifest

_TITLE: Final = "# Changes\n"
_NAMED: Final = 20


def changelog(before: str, manifest: Manifest, index: ClassIndex, old: Manifest | None, old_index: ClassIndex) -> str:
    """Return the changelog with a section for this version prepended.

    A version that has a section already adds none.
    """
    heading = f"## {manifest['version']}"
    earlier = before.removeprefix(_TITLE).strip("\n")
    if earlier.startswith(f"{heading}\n"):
        return before
    section = "\n".join([heading, "", *changes(manifest, index, old, old_index)])
    return f"{_TITLE}\n{section}\n" + (f"\n{earlier}\n" if earlier else "")


def changes(manifest: Manifest, index: ClassIndex, old: Manifest | None, old_index: ClassIndex) -> list[str]:
    """Return the lines of one section."""
    if old is None:
        of_sources = (
            f"{manifest['images']:,} images, {manifest['classes']:,} classes, {len(manifest['sources'])} sources"
        )
        return [f"First version: {of_sources}."]
    return [
        f"Before it: {old['version']}.",
        "",
        f"- Images: {old['images']:,} → {manifest['images']:,}",
        f"- Classes: {old['classes']:,} → {manifest['classes']:,}",
        *_listed("Classes added", names_of(index) - names_of(old_index)),
        *_listed("Classes removed", names_of(old_index) - names_of(index)),
        *_resized(_totals(index), _totals(old_index)),
        *_sources(manifest, old),
        *_settings("Recipe", manifest["recipe"], old.get("recipe", {})),
        *_settings("Made with", manifest["versions"], old.get("versions", {})),
    ]


def names_of(index: ClassIndex) -> set[str]:
    """Return the names of all classes."""
    return set(index.get("full", {}).get("names", []))


def _totals(index: ClassIndex) -> dict[str, int]:
    totals: dict[str, int] = {}
    for counts in index.get("full", {}).get("counts", {}).values():
        for name, count in counts.items():
            totals[name] = totals.get(name, 0) + count
    return totals


def _resized(new: Mapping[str, int], old: Mapping[str, int]) -> Iterable[str]:
    changed = [f"{name} ({old[name]:,} → {new[name]:,})" for name in new.keys() & old.keys() if new[name] != old[name]]
    return _listed("Classes with more or fewer images", changed)


def _sources(manifest: Manifest, old: Manifest) -> Iterable[str]:
    new, before = ({s["dir_name"]: s["images"] for s in m["sources"]} for m in (manifest, old))
    yield from _listed("Sources added", new.keys() - before.keys())
    yield from _listed("Sources removed", before.keys() - new.keys())
    changed = [name for name in new.keys() & before.keys() if new[name] != before[name]]
    yield from _listed(
        "Sources with more or fewer images", [f"{name} ({before[name]:,} → {new[name]:,})" for name in changed]
    )


def _settings(what: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterable[str]:
    changed = [key for key in new.keys() | old.keys() if new.get(key) != old.get(key)]
    return _listed(what, [f"{key} {old.get(key, 'none')} → {new.get(key, 'none')}" for key in changed])


def _listed(what: str, names: Iterable[str]) -> list[str]:
    names = [markdown(name) for name in sorted(names)]
    if not names:
        return []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [f"- {what} ({len(names):,}): {', '.join(names[:_NAMED])}{more}"]
