"""What a build produced and left out, by reason.

Faults and unreadable files are never mixed with what was not drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from builder.schema import REASONS
from builder.stages.standardize.not_tried import REASON as NOT_TRIED
from builder.stages.standardize.rejects import OF_READING

_DRAWN: Final = ("over_class_size", "small_class", "duplicate")


def summary(package: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a finished build as JSON values.

    ``rejects`` is group -> reason -> images and crops.
    """
    counts: Mapping[str, int] = manifest["report"].get("rejects", {})
    groups: dict[str, dict[str, int]] = {name: {} for name in ("not_tried", "unreadable", "unfit", "not_drawn")}
    for reason in sorted(counts.keys() & REASONS.keys()):
        groups[_group(reason)][reason] = counts[reason]
    return {
        "package": package,
        "version": manifest["version"],
        "format": manifest["format"],
        "images": manifest["images"],
        "classes": manifest["classes"],
        "sources": {source["dir_name"]: source["images"] for source in manifest["sources"]},
        "simulated": manifest["simulated"],
        "rejects": groups,
    }


def summary_lines(facts: Mapping[str, Any]) -> list[str]:
    """Return a summary as text."""
    lines = [f"{facts['package']}: {facts['images']:,} examples in {facts['classes']:,} classes"]
    for group, text in (
        ("not_drawn", "left out, though fit"),
        ("unfit", "refused for their pixels"),
        ("unreadable", "could not be decoded"),
    ):
        if found := facts["rejects"][group]:
            lines.append(f"  {text}: {_counted(found)}")
    if missing := facts["rejects"]["not_tried"].get(NOT_TRIED, 0):
        lines.append(
            f"  NOT TRIED: {missing:,} images, because of a fault of the machine; "
            "run the same command again to try them"
        )
    return lines


def not_tried(facts: Mapping[str, Any]) -> int:
    """Return how many images a build could not try."""
    return int(facts["rejects"]["not_tried"].get(NOT_TRIED, 0))


def _group(reason: str) -> str:
    if reason == NOT_TRIED:
        return "not_tried"
    return "unreadable" if reason in OF_READING else "not_drawn" if reason in _DRAWN else "unfit"


def _counted(found: Mapping[str, int]) -> str:
    ordered = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{reason} {count:,}" for reason, count in ordered)
