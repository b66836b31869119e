"""The fenced blocks of Markdown pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))

_BLOCK: Final = re.compile(
    r"^(?: *<!-- not run: (?P<reason>[^\n]+) -->\n)?"
    r"(?P<indent> *)```(?P<language>[^\n]*)\n(?P<code>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block: its language, its text, and why it is not to be run (None: it is)."""

    language: str
    code: str
    reason: str | None


def blocks(markdown: str) -> Iterator[Block]:
    """Yield the blocks in the order of the page."""
    for match in _BLOCK.finditer(markdown):
        yield Block(match["language"].strip(), match["code"], match["reason"])


def to_run(page: str, language: str) -> list[str]:
    """Return what is to be run of a page's blocks in a language."""
    return [b.code for b in blocks((ROOT / page).read_text("utf-8")) if b.language == language and b.reason is None]
