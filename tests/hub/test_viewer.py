"""What push says of the hub's viewer."""

from __future__ import annotations

from typing import Any

import pytest

from builder.hub.viewer import shown_lines


def manifest(file_format: str, gigabytes: dict[str, float]) -> dict[str, Any]:
    """Return as much of a manifest as matters here.

    Each split has three shards and this size.
    """
    return {
        "format": file_format,
        "files": {
            f"data/gene/{split}-{n:05d}-of-00003.{file_format}": {"bytes": int(size * 1e9 / 3)}
            for split, size in gigabytes.items()
            for n in range(3)
        },
    }


@pytest.mark.parametrize(
    ("file_format", "gigabytes", "lines"),
    [
        ("parquet", {"train": 40}, ["will show all examples: it reads Parquet"]),
        ("arrow", {"train": 4.9, "validation": 1}, ["will show all examples: no split has more than 5 GB"]),
        ("arrow", {"train": 50, "validation": 4}, ["will show 10 % of train of full", "export --to parquet"]),
        ("arrow", {"train": 50, "validation": 10}, ["10 % of train", "50 % of validation", "export --to parquet"]),
    ],
)
def test_what_the_viewer_will_show(file_format: str, gigabytes: dict[str, float], lines: list[str]) -> None:
    found = shown_lines(manifest(file_format, gigabytes))
    assert len(found) == len(lines)
    assert all(part in line for part, line in zip(lines, found, strict=True))
