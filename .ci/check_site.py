"""Check that a built site fetches nothing from elsewhere.

python .ci/check_site.py FOLDER
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

_FETCHING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
_LINKS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "manifest", "modulepreload"}
_IMPORT = re.compile(r"url\(\s*['\"]?((?:https?:)?//[^)'\"]+)|@import\s+['\"]((?:https?:)?//[^'\"]+)")


class _Fetched(HTMLParser):
    """Collects what a browser fetches to show a page.

    Links that a reader may follow are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _FETCHING:
            self.found.append(given.get(_FETCHING[tag], ""))
        if tag == "link" and _LINKS & set(given.get("rel", "").split()):
            self.found.append(given.get("href", ""))


def faults(site: Path) -> Iterator[str]:
    """Yield a line for each external address that is fetched.

    Pages and style sheets are read.
    """
    pages = sorted(site.rglob("*.html"))
    if not pages:
        yield f"{site} holds no page"
    for page in pages:
        parser = _Fetched()
        parser.feed(page.read_text("utf-8"))
        yield from (f"{page.relative_to(site)}: {url}" for url in parser.found if re.match(r"(https?:)?//", url))
    for sheet in sorted(site.rglob("*.css")):
        for match in _IMPORT.finditer(sheet.read_text("utf-8")):
            yield f"{sheet.relative_to(site)}: {match[1] or match[2]}"


if __name__ == "__main__":
    sys.exit("\n".join(faults(Path(sys.argv[1]))) or None)
