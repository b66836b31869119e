"""The hub calls of `push`, with retries and one-line errors.

Errors say what to do and never contain the token. The client retries its uploads but not the creation of a repository,
a commit or a tag; here all of them are.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from huggingface_hub import CommitOperationAdd, HfApi, HfFileSystem, get_token
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from builder.errors import UserError
from builder.hub.errors import explained, shown
from cytoimagenet_reader.retry import GaveUpError, Limits, is_transient, retry

log = logging.getLogger(__name__)

T = TypeVar("T")
Operation = Any

LIMITS: Final = Limits(attempts=8, first_wait=1.0, longest_wait=30.0)
"""How often, and how long between, a hub is asked."""


class Hub:
    """One branch of a dataset repository on a hub.

    Parameters
    ----------
    repo_id : ``namespace/name``
    token : None takes the one that ``hf auth login`` stored or HF_TOKEN holds
    endpoint : None takes HF_ENDPOINT, or the public hub
    """

    def __init__(
        self,
        repo_id: str,
        revision: str | None = None,
        token: str | None = None,
        endpoint: str | None = None,
        wait: float = LIMITS.first_wait,
    ) -> None:
        if not re.fullmatch(r"[^/\s]+/[^/\s]+", repo_id):
            raise UserError(f"{repo_id!r} names no repository; write namespace/name, for instance my-lab/cytoimagenet")
        self.repo_id = repo_id
        self.branch = revision or "main"
        self._token = token or get_token()
        self.limits = dataclasses.replace(LIMITS, first_wait=wait)
        self.is_private = False  # known from the first answer
        self._api = HfApi(endpoint=endpoint, token=self._token or False)
        self.url = f"{self._api.endpoint}/datasets/{repo_id}"

    def check_token(self) -> None:
        """Raise UserError unless the token allows writing."""
        if not self._token:
            raise UserError("no token: run `hf auth login`, or set HF_TOKEN to a token with write access")
        account = self.call(self._api.whoami)
        role = account.get("auth", {}).get("accessToken", {}).get("role")
        if role == "read":
            raise UserError(
                f"the token of {account.get('name')} can only read; make one with write access at "
                f"{self._api.endpoint}/settings/tokens and run `hf auth login`"
            )

    def head(self) -> str | None:
        """Return the commit at the head of the branch.

        None where there is no such repository or branch.
        """
        try:
            info = self.call(self._api.dataset_info, self.repo_id, revision=self.branch)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            return None
        self.is_private = bool(info.private)
        return str(info.sha)

    def create(self, private: bool) -> str:
        """Create repository and branch if missing; return the branch's commit."""
        self.call(self._api.create_repo, self.repo_id, repo_type="dataset", private=private, exist_ok=True)
        if self.branch != "main" and self.head() is None:
            self.call(self._api.create_branch, self.repo_id, branch=self.branch, repo_type="dataset", exist_ok=True)
        head = self.head()
        if head is None:
            raise UserError(
                f"{self.url} was made, but its branch {self.branch} cannot be seen; run the same command again"
            )
        return head

    def files(self, commit: str) -> dict[str, tuple[int, str, str | None]]:
        """Return the files that the hub holds at a commit.

        path -> (bytes, git oid, sha256 where it is an LFS file).
        """

        def listed() -> list[Any]:
            return list(self._api.list_repo_tree(self.repo_id, recursive=True, revision=commit, repo_type="dataset"))

        files = [entry for entry in self.call(listed) if hasattr(entry, "blob_id")]
        return {f.path: (f.size, f.blob_id, f.lfs.sha256 if f.lfs else None) for f in files}

    def read(self, path: str, commit: str) -> bytes:
        """Return a small file of a commit."""
        system = HfFileSystem(endpoint=self._api.endpoint, token=self._token or False, skip_instance_cache=True)
        content: bytes = self.call(system.read_bytes, f"datasets/{self.repo_id}@{commit}/{path}")
        return content

    def upload(self, additions: Sequence[CommitOperationAdd], create_pr: bool = False) -> None:
        """Upload the content of large files without committing.

        What the hub has already is not sent. After a failure the files go in two halves, so that a hub that fails often
        does not hold up all for one.
        """
        if len(additions) < 2:
            self.call(self._send, additions, create_pr)
            return
        try:
            self._send(additions, create_pr)
        except Exception as error:  # noqa: BLE001 -- what is no failure of the hub is raised again
            if not is_transient(error):
                raise self.explained(error) from None
            time.sleep(self.wait(1, error))
            half = len(additions) // 2
            self.upload(additions[:half], create_pr)
            self.upload(additions[half:], create_pr)

    def _send(self, additions: Sequence[CommitOperationAdd], create_pr: bool) -> None:
        self._api.preupload_lfs_files(
            self.repo_id,
            additions,
            repo_type="dataset",
            revision=self.branch,
            create_pr=create_pr,
            num_threads=2,  # a killed push loses at most two files' worth of sending
            free_memory=False,
        )

    def commit_once(self, operations: Iterable[Operation], message: str, parent: str, create_pr: bool) -> str:
        """Make one commit on top of ``parent``; return its id.

        Not retried: see ``builder.hub.push``.
        """
        info = self._api.create_commit(
            self.repo_id,
            list(operations),
            commit_message=message,
            repo_type="dataset",
            revision=None if create_pr else self.branch,
            parent_commit=parent,
            create_pr=create_pr,
        )
        if info.pr_url:
            log.info("pull request: %s", info.pr_url)
        return str(info.oid)

    def tag(self, name: str, commit: str) -> None:
        """Tag a commit; an existing tag is not moved."""
        self.call(self._api.create_tag, self.repo_id, tag=name, revision=commit, repo_type="dataset", exist_ok=True)

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call the client, retrying transient failures within the limits.

        Raises UserError for what a retry cannot fix; errors "not found" pass through: they are answers.
        """
        try:
            return retry(functools.partial(function, *args, **kwargs), self.limits, wait=self.wait)
        except GaveUpError as gave_up:
            said = f"{gave_up.attempts} times ({self.shown(gave_up.last)})"
            raise UserError(f"{self._api.endpoint} failed {said}; run push again to resume") from None
        except (RepositoryNotFoundError, RevisionNotFoundError):
            raise
        except Exception as error:  # noqa: BLE001 -- what is no failure of the hub is raised again
            raise self.explained(error) from None

    def shown(self, error: BaseException) -> str:
        """Return an error's text in one line, without any token."""
        return shown(error, self._token)

    def wait(self, attempts: int, failure: BaseException) -> float:
        """Log a failed attempt; return the seconds before the next.

        They are what the hub asks for, or twice the last.
        """
        seconds = self.limits.wait(attempts, failure)
        most = sum(self.limits.wait(n, TimeoutError()) for n in range(attempts, self.limits.attempts or attempts + 1))
        log.warning(
            "%s is not responding properly (%s): retrying in %.0f s, for about %.0f s more",
            self._api.endpoint,
            self.shown(failure)[:120],
            seconds,
            max(most, seconds),
        )
        return seconds

    def explained(self, error: BaseException) -> BaseException:
        """Return a hub error as a one-line UserError.

        Other errors are returned as they are.
        """
        return explained(error, self.repo_id, self._token)
