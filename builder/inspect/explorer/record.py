"""The record of a build, and tokens that look alike."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from builder.package.manifest import Manifest
from builder.recipe import Recipe
from builder.schema import CATEGORIES, TOKEN_SEPARATOR
from builder.vocabulary.lookalikes import lookalikes

_SOURCE: Final = (
    *("dir_name", "name", "database", "license", "license_name", "license_url", "commercial_use", "derivatives"),
    *("url", "images", "citation", "simulated"),
)


def build_record(manifest: Manifest) -> dict[str, Any]:
    """Return what the manifest tells of the build."""
    usual = Recipe().as_dict()
    files = manifest["files"]
    kinds: dict[str, list[int]] = {}
    for path, facts in files.items():
        kind = path.split("/")[0] + "/" if "/" in path else path
        count = kinds.setdefault(kind, [0, 0, 0])
        count[0] += 1
        count[1] += facts["bytes"]
        count[2] += facts.get("rows", 0)
    report = {
        name: value for name, value in manifest["report"].items() if name not in ("classes", "accounts", "results")
    }
    return {
        "recipe": [[key, value, value != usual.get(key)] for key, value in manifest["recipe"].items()],
        "versions": manifest["versions"],
        "files": [[kind, *counts] for kind, counts in sorted(kinds.items())],
        "report": report,
        "sha256": manifest.get("sha256"),
    }


def source_facts(manifest: Manifest) -> list[dict[str, Any]]:
    """Return the facts of each source."""
    return [{name: source.get(name) for name in _SOURCE} for source in manifest["sources"]]


def alike_tokens(table: pa.Table) -> dict[str, Any]:
    """Count each category's tokens; return those that look alike."""
    tokens = {category: _tokens(table[category]) for category in CATEGORIES}
    return {
        "tokens": {category: len(found) for category, found in tokens.items()},
        "pairs": [list(pair) for pair in lookalikes(tokens)],
    }


def _tokens(column: pa.ChunkedArray) -> dict[str, int]:
    """Return the examples that hold each token."""
    found: Counter[str] = Counter()
    for cell in pc.value_counts(column).to_pylist():
        for token in (cell["values"] or "").split(TOKEN_SEPARATOR) if cell["values"] else ():
            found[token] += cell["counts"]
    return found
