"""The errors that readers of a package raise."""

from __future__ import annotations


class PackageError(ValueError):
    """The folder is no package, or holds nothing of what was asked; the message says what there is."""


class ShardError(OSError):
    """A shard cannot be read, or is not what the manifest says; the message names it and says what to do."""
