"""Scores of networks pretrained on a package.

``examples/evaluate.py`` writes them, and the next `build` takes them from WORK. A network counts whose classes are
those of a config of the package: others were pretrained on something else.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from typing import Any, Final

from builder.errors import UserError
from builder.package.manifest import ClassIndex

FIELDS: Final[dict[str, type]] = {
    "protocol": str,  # of `examples/evaluate.py`: bbbc021, coos7 or cyclops
    "what": str,  # the measure, or the test set
    "right": int,
    "of": int,
    "channels": str,
    "normalized": bool,
    "checkpoint": str,  # sha256 of the file
    "classes": str,  # `classes_sha256` of the network's classes
}
_Z: Final = 1.959963984540054


def classes_sha256(names: Iterable[str]) -> str:
    """Return the hash that identifies a list of classes."""
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share.

    Wilson, JASA 22, 1927.
    """
    share = right / count
    centre = share + _Z * _Z / (2 * count)
    half = _Z * math.sqrt(share * (1 - share) / count + _Z * _Z / (4 * count * count))
    return (centre - half) / (1 + _Z * _Z / count), (centre + half) / (1 + _Z * _Z / count)


def results_of(content: bytes, index: ClassIndex) -> list[dict[str, Any]]:
    """Return the results of networks with a config's classes, sorted.

    Each names its config.

    Parameters
    ----------
    content : a JSON list of objects with ``FIELDS``
    index : the class names of each config

    Raises
    ------
    UserError
        Where the file holds something else.
    """
    configs = {classes_sha256(entry["names"]): config for config, entry in index.items()}
    found = [
        {**result, "config": configs[result["classes"]]} for result in _read(content) if result["classes"] in configs
    ]
    return sorted(
        found, key=lambda one: [one[name] for name in ("protocol", "what", "config", "channels")] + [repr(one)]
    )


def _read(content: bytes) -> list[dict[str, Any]]:
    try:
        results = json.loads(content)
    except ValueError as error:
        raise UserError(f"results.json is no JSON ({error}); let examples/evaluate.py write it again") from error
    if not isinstance(results, list):
        raise UserError("results.json holds no list; let examples/evaluate.py write it again")
    for number, result in enumerate(results, start=1):
        stated = {name: type(value) for name, value in result.items()} if isinstance(result, dict) else {}
        if stated != FIELDS or not 0 <= result["right"] <= result["of"] or not result["of"]:
            raise UserError(f"results.json, entry {number}: is no result of examples/evaluate.py; take it out")
    return results
