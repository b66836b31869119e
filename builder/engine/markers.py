"""Markers: one small JSON file of WORK for each unit of work that is done, with the hash of what it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from builder.engine.store import Store

FOLDER = "markers"


def fingerprint(*parts: str) -> str:
    """Return the sha256 (hex) of a list of texts; ``("a", "b")`` and ``("ab",)`` differ."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def marker_path(marker: str) -> str:
    """Return where a marker lies in WORK."""
    return f"{FOLDER}/{marker}.json"


def is_done(store: Store, marker: str, made_from: str) -> dict[str, Any] | None:
    """Return the facts of a unit that was finished from the same inputs, or None."""
    return find_done(store, {marker: made_from}).get(marker)


def find_done(store: Store, wanted: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return {marker: facts} of those units that were finished from the same inputs; remote reads overlap."""
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
    """Record, as the last act of a unit, that it is finished; the facts are JSON values."""
    content = {"fingerprint": made_from, "facts": facts}
    store.write_bytes(marker_path(marker), json.dumps(content, sort_keys=True, ensure_ascii=False).encode())
