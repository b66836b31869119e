"""User-correctable errors and the command's exit codes.

Each error is one line that names what to change.
"""

from __future__ import annotations

DONE, FAILED, MISUSED, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes of all commands; 2 is click's, 130 is what a shell says of SIGINT."""


class UserError(Exception):
    """An instruction that cannot be followed.

    Such as an unknown key, no data, or not a package; the text names the fix.
    """


class UnavailableError(UserError):
    """A listed file that cannot be had now.

    It is a fault of the machine or its network, no fact about an image.
    """


class RejectedError(Exception):
    """An image that cannot be used.

    Parameters
    ----------
    reason : one of ``builder.schema.REASONS``
    detail : what was found, for people
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)  # both in args, so that it survives pickling between processes
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


def unloadable(error: BaseException) -> str:
    """Explain in one line that a library cannot be loaded.

    With little memory its loader says that it cannot be found.
    """
    why = " ".join(str(error).split()) or type(error).__name__
    more = "give it more memory (the limit of the container, ulimit -v), or install the package again"
    return f"a library cannot be loaded ({why}): {more}"
