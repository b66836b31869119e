"""The fenced blocks of Markdown pages.

As a program, ``blocks.py PAGE LANGUAGE COUNT`` prints the first of those of a page that are run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
SITE: Final = tuple(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
"""The pages of the site in the order of its navigation."""
PAGES: Final = ("README.md", *(f"docs/{name}" for name in SITE), "CONTRIBUTING.md")
"""All pages, as a reader comes to them."""

_BLOCK: Final = re.compile(
    r"^(?: *<!-- not run: (?P<reason>[^\n]+) -->\n)?"
    r"(?P<indent> *)```(?P<language>[^\n]*)\n(?P<code>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block: its language and its text.

    ``reason`` tells why it is not to be run; None: it is.
    """

    language: str
    code: str
    reason: str | None


def blocks(markdown: str) -> Iterator[Block]:
    """Yield the blocks in the order of the page."""
    for match in _BLOCK.finditer(markdown):
        yield Block(match["language"].strip(), match["code"], match["reason"])


def to_run(page: str, language: str) -> list[str]:
    """Return a page's blocks to run in a language."""
    return [b.code for b in blocks((ROOT / page).read_text("utf-8")) if b.language == language and b.reason is None]


if __name__ == "__main__":
    print("\n".join(to_run(sys.argv[1], sys.argv[2])[: int(sys.argv[3])]))
