"""The errors that readers of a package raise."""

from __future__ import annotations


class PackageError(ValueError):
    """The folder is no package, or lacks what was asked.

    The message says what there is.
    """


class ShardError(OSError):
    """A shard is unreadable or contradicts the manifest.

    The message names it and says what to do.
    """
