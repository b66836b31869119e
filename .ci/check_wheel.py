"""Check what a wheel holds: python .ci/check_wheel.py WHEEL."""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator

TOP = {"builder", "cytoimagenet.py", "cytoimagenet-stubs", "cytoimagenet_reader"}
NEEDED = (
    "builder/dataset_card/README.md.j2",
    "builder/dataset_card/report.html.j2",
    "builder/inspect/explorer/assets/app.js",
    "builder/inspect/explorer/assets/explorer.css",
    "builder/inspect/explorer/assets/page.html",
    "builder/vocabulary/merges.csv",
    "cytoimagenet-stubs/__init__.pyi",
    "cytoimagenet_reader/py.typed",
)


def faults(wheel: str) -> Iterator[str]:
    """Yield what a user would miss or stumble over."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        page = next(archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    if top != TOP:
        yield f"site-packages would hold {sorted(top)}, not {sorted(TOP)}"
    yield from (f"{name} is missing" for name in NEEDED if name not in names)
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", page)
    yield from (f"the README links to {link}, which a package index does not have" for link in links)


if __name__ == "__main__":
    sys.exit("\n".join(faults(sys.argv[1])) or None)
