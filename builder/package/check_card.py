"""Checks of the card against the manifest and the classes.

Both its YAML and the numbers that its text states.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from builder.package.card import front_matter, split_counts
from builder.package.manifest import ClassIndex, Manifest
from builder.package.problem import Problem
from builder.schema import SPLITS
from cytoimagenet_reader import layout

_FRONT = re.compile(r"\A---\n(.*?\n)---\n(.*)\Z", re.DOTALL)
_CONFIG_ROW = re.compile(r"^\| `(\w+)`(?: \(default\))? \| ([\d,]*) \| ([\d,]+) \| ([\d,]+) \|$", re.MULTILINE)
_SOURCE_ROW = re.compile(r"^\| `([^`]+)` \| .* \| ([\d,]+) \|$", re.MULTILINE)
_HEADLINE = re.compile(r"^([\d,]+) 8-bit grayscale (?:microscopy|simulated) images in ([\d,]+) weakly", re.MULTILINE)
_VERSION = re.compile(r"^Version `([^`]+)`", re.MULTILINE)
_STRICT_KEYS: Final = ("configs", "dataset_info", "size_categories", "license", "license_link")


def check_card(card: str, manifest: Manifest, index: ClassIndex) -> Iterator[Problem]:
    """Yield every statement of the card that does not fit."""
    match = _FRONT.match(card)
    if not match:
        yield _wrong("does not start with a YAML block between two lines of ---")
        return
    try:
        stated = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        yield _wrong(f"its YAML cannot be read: {str(error).splitlines()[0]}")
        return
    yield from _check_yaml(stated, manifest, index)
    yield from _check_text(match[2], manifest, index)


def _check_yaml(stated: Any, manifest: Manifest, index: ClassIndex) -> Iterator[Problem]:
    wanted = front_matter(manifest, index)
    for key in _STRICT_KEYS:
        found = stated.get(key) if isinstance(stated, dict) else None
        if found == wanted.get(key):
            continue
        if key in ("configs", "dataset_info") and isinstance(found, list):
            odd = [entry["config_name"] for entry in wanted[key] if entry not in found]
            yield _wrong(f"its YAML is wrong in {key}, config {', '.join(odd) or 'order'}")
        else:
            yield _wrong(f"its YAML says {key} {found!r}; it should be {wanted.get(key)!r}")
    if manifest["simulated"] and "simulated" not in (stated.get("tags") or []):
        yield _wrong("lacks the tag `simulated`, though its examples are")


def _check_text(text: str, manifest: Manifest, index: ClassIndex) -> Iterator[Problem]:
    if manifest["simulated"] and "SIMULATED" not in text.partition("\n## ")[0]:
        yield _wrong("does not say in its first lines that its examples are simulated")
    version = _VERSION.search(text)
    if not version or version[1] != manifest["version"]:
        yield _wrong(f"names version {version[1] if version else 'none'}; the manifest has {manifest['version']}")
    headline = _HEADLINE.search(text)
    wanted = (manifest["images"], manifest["classes"])
    if not headline or (_number(headline[1]), _number(headline[2])) != wanted:
        yield _wrong(f"its first paragraph should say {wanted[0]:,} images in {wanted[1]:,} classes")
    counts = split_counts(index)
    rows = {name: tuple(map(_number, numbers)) for name, *numbers in _CONFIG_ROW.findall(text)}
    for config in (*index, layout.METADATA_CONFIG):
        entry = index.get(config, {"names": []})
        of_splits = counts.get(config, counts[layout.FULL])
        numbers = (len(entry["names"]), *(of_splits.get(split, 0) for split in SPLITS))
        if rows.get(config) != numbers:
            yield _wrong(f"its table of configs says {rows.get(config)} of {config}; it should be {numbers}")
    yield from _check_sources(text, manifest)


def _check_sources(text: str, manifest: Manifest) -> Iterator[Problem]:
    section = text.partition("\n## Sources")[2].partition("\n## ")[0]
    rows = {name: _number(images) for name, images in _SOURCE_ROW.findall(section)}
    wanted = {source["dir_name"]: source["images"] for source in manifest["sources"]}
    for name in sorted(rows.keys() | wanted.keys()):
        if rows.get(name) != wanted.get(name):
            yield _wrong(f"its table of sources says {rows.get(name)} images of {name}, not {wanted.get(name)}")


def _number(text: str) -> int:
    return int(text.replace(",", "") or 0)


def _wrong(what: str) -> Problem:
    return Problem(layout.CARD, what)
