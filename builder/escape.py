"""Texts from files, tables and packages, made harmless for where they are shown: a terminal, Markdown, a log.

HTML is escaped by jinja's autoescape (``package/report.py``), YAML and JSON by their writers.
"""

from __future__ import annotations

import logging
import re
import urllib.parse
from typing import Final

_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline: ESC begins a terminal's commands
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of writing
    r"\u2028\u2029\ufeff"  # separators that some programs take for newlines; the byte order mark
    r"\ud800-\udfff]"  # halves of a pair, as in file names that are no UTF-8
)
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>|~&!#])|(?<=[A-Za-z])(:)(?=//)|(?<=www)(\.)", re.IGNORECASE)
_QUERY: Final = re.compile(r"(https?://[^\s'\"<>?]+)\?[^\s'\"<>]+")


def printable(text: str) -> str:
    r"""Return a text without characters that act on a terminal: they are shown as ``\x1b`` or ``\u202e``.

    Newlines and tabs stay.
    """
    return _UNPRINTABLE.sub(lambda found: _code(found[0]), text)


def one_line(text: str) -> str:
    r"""Return a text in one line: newlines and tabs too are shown as ``\n`` and ``\t``."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def markdown(text: object) -> str:
    """Return a text that Markdown shows as it is, in a line or a cell of a table: no markup, link or image.

    Syntax: https://spec.commonmark.org/0.31.2/#backslash-escapes and
    https://github.github.com/gfm/#autolinks-extension-.
    """
    return _MARKDOWN.sub(lambda found: "\\" + found[0], one_line(str(text)))


def markdown_url(url: str) -> str:
    """Return an address for the brackets of a Markdown link, "" for one that is no web address."""
    if not re.match("https?://", url):
        return ""
    return urllib.parse.quote(url, safe="/:?#@!$&'*+,;=%~-._[]")


def without_queries(text: str) -> str:
    """Return a text whose URLs have lost their queries: those of signed URLs are keys."""
    return _QUERY.sub(r"\1?…", text)


class PrintableFormatter(logging.Formatter):
    """Formats a record so that nothing in it acts on the terminal, or gives a signed URL away."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return without_queries(printable(super().format(record)))


def _code(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"
