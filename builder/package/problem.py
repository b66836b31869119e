"""One finding of ``verify``."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """What is wrong, and with which file of the package."""

    file: str
    what: str

    def __str__(self) -> str:
        """Return it in one line, the file first."""
        return f"{self.file}: {self.what}"
