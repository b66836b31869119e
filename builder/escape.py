"""Escaping of external text for terminals, Markdown and logs.

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
    r"""Return a text with terminal control characters escaped.

    They are shown as ``\x1b`` or ``\u202e``; newlines and tabs stay.
    """
    return _UNPRINTABLE.sub(lambda found: _code(found[0]), text)


def one_line(text: str) -> str:
    r"""Escape a text like ``printable``, including newlines and tabs."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def markdown(text: object) -> str:
    """Return a text escaped so that Markdown shows it literally.

    Syntax: https://spec.commonmark.org/0.31.2/#backslash-escapes and
    https://github.github.com/gfm/#autolinks-extension-.
    """
    return _MARKDOWN.sub(lambda found: "\\" + found[0], one_line(str(text)))


def markdown_url(url: str) -> str:
    """Return a web address escaped for a Markdown link.

    Returns "" for anything but a web address.
    """
    if not re.match("https?://", url):
        return ""
    return urllib.parse.quote(url, safe="/:?#@!$&'*+,;=%~-._[]")


def without_queries(text: str) -> str:
    """Remove the queries from the URLs in a text.

    The queries of signed URLs are keys.
    """
    return _QUERY.sub(r"\1?…", text)


class PrintableFormatter(logging.Formatter):
    """Formatter that escapes control characters and strips queries from URLs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return without_queries(printable(super().format(record)))


def _code(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"
