"""Data as scripts, which a page from disk may load."""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import Any, Final

_FUNCTION: Final = "explorerData"
"""The function of ``assets/data.js`` that takes them."""


def write_script(path: Path, name: str, value: object) -> None:
    """Write a value as a script that hands it over.

    It is JSON in ASCII, so that neither ``</script>`` nor a separator of lines can end anything early.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{_FUNCTION}({_json(name)},{_json(value)});\n", "ascii")


def plain(value: Any) -> Any:
    """Return a cell as JSON, bytes in hex.

    Numbers that are no numbers become null.
    """
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        return str(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
