"""Markers of finished units of work.

Each is a small JSON file of WORK, with the hash of what the unit was made from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from builder.engine.store import Store

FOLDER = "markers"


def fingerprint(*parts: str) -> str:
    """Return the SHA-256 (hex) of a list of texts.

    ``("a", "b")`` and ``("ab",)`` differ.
    """
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def marker_path(marker: str) -> str:
    """Return where a marker lies in WORK."""
    return f"{FOLDER}/{marker}.json"


def is_done(store: Store, marker: str, made_from: str) -> dict[str, Any] | None:
    """Return a finished unit's facts for these inputs, or None."""
    return find_done(store, {marker: made_from}).get(marker)


def find_done(store: Store, wanted: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return {marker: facts} of units finished from the same inputs.

    Remote reads overlap.
    """
    paths = {marker_path(marker): marker for marker in wanted}
    done: dict[str, dict[str, Any]] = {}
    for path, content in store.read_many(paths).items():
        facts = _facts(content, wanted[paths[path]])
        if facts is not None:
            done[paths[path]] = facts
    return done


def _facts(content: bytes, made_from: str) -> dict[str, Any] | None:
    try:
        marker = json.loads(content)
    except ValueError:
        return None  # not written by us: the unit is done again
    if not isinstance(marker, dict) or marker.get("fingerprint") != made_from:
        return None
    facts: dict[str, Any] = marker.get("facts", {})
    return facts


def mark_done(store: Store, marker: str, made_from: str, **facts: Any) -> None:
    """Record that a unit is finished, as its last act.

    The facts are JSON values.
    """
    content = {"fingerprint": made_from, "facts": facts}
    store.write_bytes(marker_path(marker), json.dumps(content, sort_keys=True, ensure_ascii=False).encode())
