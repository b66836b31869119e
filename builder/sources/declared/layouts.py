"""Ready-made layouts of instruments and conventions, read from ``layouts.toml``."""

from __future__ import annotations

import difflib
import functools
import importlib.resources
import re
import sys

import msgspec

from builder.errors import UserError
from builder.sources.declared.declaration import Files
from builder.sources.declared.templates import expression

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Layout(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A file-naming layout; keys are explained in ``layouts.toml``."""

    title: str
    regex: str
    examples: list[str] = []
    ignore: list[str] = []
    channel: str = ""
    projection: list[str] = []
    projection_of: dict[str, str] = {}
    first_row: int = 1
    t_of: str = ""
    t_parts: list[str] = []
    index: str = ""
    not_images: str = ""


@functools.cache
def layouts() -> dict[str, Layout]:
    """Return the ready-made layouts by name."""
    text = importlib.resources.files(__package__).joinpath("layouts.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Layout])


def layout_of(files: Files) -> Layout:
    """Return a declaration's layout, whether named or custom.

    A custom layout is a pattern or a regular expression.

    Raises
    ------
    UserError
        For an unknown name, and for what is no pattern or no regular expression.
    """
    if files.layout:
        found = layouts().get(files.layout)
        if found is None:
            near = difflib.get_close_matches(files.layout, layouts(), n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(layouts())}"
            raise UserError(f"files.layout: unknown layout {files.layout!r}; {hint}")
        return found
    text = files.pattern or files.regex
    try:
        made = expression(files.pattern) if files.pattern else files.regex.removeprefix("^").removesuffix("$")
        re.compile(made)
    except (ValueError, re.error) as error:
        raise UserError(f"files.{'pattern' if files.pattern else 'regex'}: {error}") from None
    names = [name for name in re.compile(made).groupindex if name.startswith("_")]
    return Layout(title="own", regex=made, examples=[text], ignore=[*names, "uuid", "guid"])
