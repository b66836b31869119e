"""Hub failures and the advice for each.

They do not depend on the HTTP library that the client uses.
"""

from __future__ import annotations

import re
from typing import Final

from huggingface_hub.errors import HFValidationError

from builder.errors import UserError
from builder.escape import one_line, without_queries
from cytoimagenet_reader.retry import status_of

_TOKEN: Final = re.compile(r"hf_\w+|(?<=Bearer )\S+")


def explained(error: BaseException, repo_id: str, token: str | None) -> BaseException:
    """Return a hub error as a one-line UserError.

    Other errors are returned as they are.
    """
    error = _cause(error)
    if isinstance(error, HFValidationError):
        return UserError(f"{repo_id!r} cannot be a repository: {shown(error, token)}")
    status = status_of(error)
    if status is not None:
        return UserError(_advice(error, status, repo_id, token))
    return error


def shown(error: BaseException, token: str | None) -> str:
    """Return an error's text in one line, without any token."""
    text = " ".join(str(error).split())
    if token:
        text = text.replace(token, "***")
    return one_line(without_queries(_TOKEN.sub("***", text)))[:300]


def is_conflict(error: BaseException) -> bool:
    """Return whether a commit failed because the branch had moved."""
    return status_of(_cause(error)) == 412


def _cause(error: BaseException) -> BaseException:
    """Return the error that the client's upload threads wrapped."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _advice(error: BaseException, status: int, repo_id: str, token: str | None) -> str:
    said = shown(Exception(getattr(error, "server_message", None) or error), token)
    lower = said.lower()
    namespace = repo_id.split("/")[0]
    if "storage" in lower or "quota" in lower or status in (402, 413, 507):
        return f"{namespace} is out of storage on the hub ({said}); free some, or push to another namespace"
    if status == 401:
        return "the hub does not know this token: run `hf auth login`, or set HF_TOKEN to one with write access"
    if status == 403:
        return f"this token may not write to {repo_id} ({said}); use one with write access to {namespace}"
    if status == 409:
        return f"the name {repo_id} is taken ({said}); choose another"
    if status == 412:
        return f"{repo_id} changed while it was pushed to; run the same push again"
    return f"the hub answered {status} for {repo_id}: {said}"
