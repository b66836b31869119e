"""Print pip constraints with every dependency at its lower bound.

    python .ci/lowest_versions.py [EXTRA ...] > lowest.txt
    pip install --constraint lowest.txt '.[EXTRA,...]'

Only the dependencies themselves and those of the extras named are held; what they depend on is as new as they let it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LOWEST = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*\])?>=(?P<version>[\w.]+)")


def constraints(project: dict[str, Any], extras: list[str]) -> list[str]:
    """Return ``name==version`` of each requirement.

    Raises ValueError for one without a lower bound.
    """
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    found = []
    for requirement in wanted:
        bare, _, marker = (part.strip() for part in requirement.partition(";"))
        if bare.startswith(f"{project['name']}["):
            continue
        lowest = _LOWEST.match(bare)
        if lowest is None:
            raise ValueError(f"{requirement!r} in pyproject.toml names no lowest version")
        found.append(f"{lowest['name']}=={lowest['version']}" + (f"; {marker}" if marker else ""))
    return found


if __name__ == "__main__":
    read = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text("utf-8"))
    print("\n".join(constraints(read["project"], sys.argv[1:])))
