"""Plain-text tables with aligned columns."""

from __future__ import annotations

from collections.abc import Sequence

_WIDEST = 60


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]], indent: str = "") -> str:
    """Return a table's lines with the columns aligned.

    Numbers have thousands separators, None is "-", long texts are cut.
    """
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(header), *cells]) for i in range(len(header))]
    right = [_is_numeric([row[i] for row in rows]) for i in range(len(header))]
    lines = []
    for line in [list(header), *cells]:
        padded = (text.rjust(w) if r else text.ljust(w) for text, w, r in zip(line, widths, right, strict=True))
        lines.append(indent + "  ".join(padded).rstrip())
    return "\n".join(lines)


def _is_numeric(values: Sequence[object]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.2f}"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
