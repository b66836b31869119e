"""Bound on the bytes requested ahead of need."""

from __future__ import annotations

from typing import Final

from cytoimagenet_reader.remote.http import CONNECTIONS

MOST: Final = 64 << 20
"""Bytes of all windows of a process together."""
_LEAST_CAP: Final = 16 << 20
_FIRST: Final = 1 << 20  # beside what must be there before the first row
_LEAST_BLOCK: Final = 1 << 20
_MOST_BLOCK: Final = 8 << 20
_ENOUGH: Final = 2 << 20  # bytes of a block that are asked for at little cost


class Window:
    """The number of bytes that may be requested ahead.

    These are bytes asked for and not yet taken: few at first, and more as long as the reader has to wait. All that is
    asked for shares one line: a large window delays the first rows, one that is too small leaves the line idle. It
    grows by twice what comes while the reader waits, threefold each round trip, up to four times what the measured rate
    and delay keep under way and three pieces more, at least 16 MB; before a rate is known, freely.

    Parameters
    ----------
    first : bytes without which there is no first row
    rate : bytes per second, lately; 0 where nothing was measured
    delay : seconds from a request to its first byte
    sharing : windows that are open in the process
    """

    def __init__(self, first: int, rate: float, delay: float, sharing: int) -> None:
        known = _cap(0, rate, delay) if rate else 0
        self.size = min(max(first + _FIRST, known), MOST // max(sharing, 1))

    def grow(self, came: int, piece: int, rate: float, delay: float, sharing: int) -> None:
        """Grow after ``came`` bytes came while the reader waited."""
        most = max(self.size, _cap(piece, rate, delay))
        self.size = min(self.size + 2 * came, most, MOST // max(sharing, 1))

    def blocks(self, size: int, rate: float, delay: float) -> list[int]:
        """Return the bounds of the blocks of a piece.

        They are an eighth of the window each, 1 to 8 MB, but no more than what keeps the line busy when all connections
        have one, three times over: larger ones would all be under way at once, share the line, land together, and
        leave it idle until the next have come.
        """
        enough = max(int(3 * rate * delay / CONNECTIONS), _ENOUGH)
        block = min(max(self.size // 8, _LEAST_BLOCK), enough, _MOST_BLOCK)
        count = max(round(size / block), 1)
        return [size * i // count for i in range(count + 1)]


def _cap(piece: int, rate: float, delay: float) -> int:
    if not rate:  # nothing was measured: what has come so far says how fast the line is
        return MOST
    return max(_LEAST_CAP, int(4 * rate * delay) + 3 * piece)
