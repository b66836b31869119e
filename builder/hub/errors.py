"""Failures of a hub, whatever HTTP library the client uses: which may pass, and what to do about the others.

``huggingface_hub`` uses requests before 1.0, httpx and httpx2 after it; what they raise has no base class in common.
"""

from __future__ import annotations

import importlib
import json
import re
from typing import Final

from huggingface_hub.errors import HFValidationError

from builder.errors import UserError
from builder.escape import one_line, without_queries

_RETRIED: Final = (408, 429, 500, 502, 503, 504)
_TOKEN: Final = re.compile(r"hf_\w+|(?<=Bearer )\S+")


def _network_errors() -> tuple[type[Exception], ...]:
    """Return what the HTTP library of this version of the client raises for a lost connection."""
    found: list[type[Exception]] = [ConnectionError, TimeoutError, json.JSONDecodeError]
    for module, name in (("httpx2", "TransportError"), ("httpx", "TransportError"), ("requests", "RequestException")):
        try:
            found.append(getattr(importlib.import_module(module), name))
        except ImportError:
            continue  # this version of the client uses another one
    return tuple(found)


_NETWORK: Final = _network_errors()


def explained(error: BaseException, repo_id: str, token: str | None) -> BaseException:
    """Return a UserError of one line for an answer of the hub; other errors as they are."""
    error = _cause(error)
    if isinstance(error, HFValidationError):
        return UserError(f"{repo_id!r} cannot be a repository: {shown(error, token)}")
    if _status(error):
        return UserError(_advice(error, _status(error), repo_id, token))
    return error


def shown(error: BaseException, token: str | None) -> str:
    """Return an error's text in one line, without any token."""
    text = " ".join(str(error).split())
    if token:
        text = text.replace(token, "***")
    return one_line(without_queries(_TOKEN.sub("***", text)))[:300]


def is_conflict(error: BaseException) -> bool:
    """Return whether a commit was refused because the branch is no longer where it was."""
    return _status(_cause(error)) == 412


def is_transient(error: BaseException) -> bool:
    """Return whether trying again may help: a lost connection, or an answer that says so."""
    error = _cause(error)
    return _status(error) in _RETRIED if _status(error) else isinstance(error, _NETWORK)


def _status(error: BaseException) -> int:
    """Return the status of the answer that an error is about, whatever the HTTP library; 0 where there was none."""
    response = getattr(error, "response", None)  # absent, or None where the connection failed
    return 0 if response is None else int(response.status_code)


def _cause(error: BaseException) -> BaseException:
    """Return what the client's upload threads wrapped: "Error while uploading ...", from the answer."""
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
