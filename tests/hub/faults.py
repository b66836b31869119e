"""Switches for a hub's faults.

They are drawn from a seed in the order of requests.
"""

from __future__ import annotations

import dataclasses
import random
import threading


@dataclasses.dataclass
class Faults:
    """What the server does wrong; by default, nothing."""

    share: float = 0.0
    """Part of all requests that fail, each in one of the ``kinds``."""
    kinds: tuple[str, ...] = ("429", "503", "drop")
    """429 and 503 carry Retry-After; drop closes the connection: at once, or in the middle of a body."""
    retry_after: int = 0
    delay: float = 0.0
    """Seconds that each request waits."""
    bytes_per_second: int = 0
    """Speed of bodies, both ways; 0 is as fast as it goes."""
    stale_reads: int = 0
    """So many reads of a branch after a commit still see what was there before."""
    lose_commits: int = 0
    """So many commits are made, but their answers are lost."""
    quota: int = 0
    """Bytes that LFS may hold; 0 is no limit."""
    flip_lfs: bool = False
    """Store uploaded objects with a byte changed (their name stays the hash of what was sent)."""
    seed: int = 0

    stale_left: int = dataclasses.field(default=0, init=False)
    """Stale reads to come: set to ``stale_reads`` by each commit."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def draw(self) -> str | None:
        """Return what goes wrong with the next request, or None."""
        with self._lock:
            if self._random.random() >= self.share:
                return None
            return self._random.choice(self.kinds)

    def take(self, name: str) -> bool:
        """Does a counted fault happen now? Counts it down."""
        with self._lock:
            left: int = getattr(self, name)
            if left:
                setattr(self, name, left - 1)
            return left > 0
