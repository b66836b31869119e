from __future__ import annotations

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from builder.escape import PrintableFormatter, markdown, one_line, printable, without_queries


def test_a_terminals_commands_are_shown_not_obeyed() -> None:
    assert printable("a\x1b[2Jb\tc\n\x07\x9b31m") == "a\\x1b[2Jb\tc\n\\x07\\x9b31m"
    assert printable("invoice\u202efdp.exe") == "invoice\\u202efdp.exe"
    assert one_line("two\nlines\tβ-estradiol") == "two\\nlines\\tβ-estradiol"


@given(st.text(st.characters(), max_size=30))
def test_what_is_printable_can_be_encoded_and_is_one_line(text: str) -> None:
    shown = one_line(text)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert all(ord(letter) >= 32 for letter in shown)


@given(
    st.lists(
        st.sampled_from(
            [
                "![i](http://x.y/z)",
                "<img src=x>",
                "|",
                "`",
                "**",
                "www.evil.org",
                "a",
                " ",
                "\\",
                "&lt;",
                "#",
                "~~",
                "\n",
            ]
        )
    )
)
def test_markdown_shows_the_text_and_nothing_else(parts: list[str]) -> None:
    text = "x" + "".join(parts)
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parseInline(markdown(text))[0].children or []
    assert {token.type for token in tokens} <= {"text", "text_special", "softbreak"}
    assert "".join(token.content for token in tokens).strip() == one_line(text).strip()


@pytest.mark.parametrize("text", ["http://x.y/z", "HTTPS://x.y", "www.x.y", "WWW.x.y", "ftp://x.y"])
def test_no_bare_address_is_left_to_become_a_link(text: str) -> None:
    assert not re.search(r"(?i)(http|https|ftp)://|www\.", markdown(text))


def test_signed_urls_lose_their_signature() -> None:
    line = "retry: PUT https://host/a/b?X-Amz-Signature=abc&x=1 failed, https://host/plain stays"
    assert without_queries(line) == "retry: PUT https://host/a/b?… failed, https://host/plain stays"
    record = logging.LogRecord("x", logging.WARNING, "", 0, "see %s", (line + "\x1b[0m",), None)
    shown = PrintableFormatter("%(message)s").format(record)
    assert "abc" not in shown
    assert "\x1b" not in shown
