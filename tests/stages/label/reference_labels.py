"""Label assignment in the plainest way, slow on purpose.

Section 2 of the method, row by row, with exact fractions.
"""

from __future__ import annotations

import csv
import fnmatch
import functools
import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import builder
from builder.recipe import Recipe

Row = dict[str, str | None]

_TIES = ("compound", "sirna", "gene", "phenotype", "cell_visible", "cell_type", "organism")


def assign(rows: Sequence[Row], recipe: Recipe) -> dict[str, tuple[str, str]]:
    """Return idx -> (label, category)."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for category in _TIES:
            counts.update((token, category) for token in _labels_in(row[category], category, recipe))
    potential: dict[str, tuple[int, int]] = {}  # label -> (rows, place of its column)
    for (token, category), count in counts.items():
        place = _TIES.index(category)
        if count >= recipe.min_images:
            old = potential.get(token)
            if old is None or count > old[0] or (count == old[0] and place < old[1]):
                potential[token] = (count, place)
    found: dict[str, tuple[str, str]] = {}
    for label in sorted(potential, key=lambda label: (*potential[label], label)):
        category = _TIES[potential[label][1]]
        free = [row for row in rows if row["idx"] not in found and label in _labels_in(row[category], category, recipe)]
        if len(free) < recipe.min_images:
            continue
        if len(free) > recipe.class_size:
            second = [name for name in recipe.strata if name != category]
            if len(free) > recipe.presample_size:
                first = [name for name in recipe.presample_strata if name != category]
                free = stratified(free, first, recipe.presample_size, _key(recipe.seed, label, "presample"))
                second = [name for name in second if name not in recipe.presample_strata]
            free = stratified(free, second, recipe.class_size, _key(recipe.seed, label, "sample"))
        for row in free:
            found[str(row["idx"])] = (label, category)
    return found


def stratified(rows: Sequence[Row], columns: Sequence[str], size: int, salt: int) -> list[Row]:
    strata = defaultdict(list)
    for row in rows:
        strata[tuple(row[name] for name in columns)].append(row)
    exact = {stratum: Fraction(len(members) * size, len(rows)) for stratum, members in strata.items()}
    places = {stratum: int(share) for stratum, share in exact.items()}
    by_remainder = sorted(
        strata,
        key=lambda stratum: (
            -(exact[stratum] - places[stratum]),
            _stratum_key(stratum, salt),
            [(value is not None, value or "") for value in stratum],
        ),
    )
    for stratum in by_remainder[: size - sum(places.values())]:
        places[stratum] += 1
    drawn = []
    for stratum, members in strata.items():
        members.sort(key=lambda row: _mix(_text_key(str(row["idx"])), salt))
        drawn += members[: places[stratum]]
    return drawn


def _labels_in(cell: str | None, category: str, recipe: Recipe) -> set[str]:
    labels = set()
    for token in (cell or "").split("|"):
        name = recipe.rename_labels.get(token, token)
        dropped = token in recipe.drop_labels or name in recipe.drop_labels
        listed = token not in recipe.rename_labels and _is_listed(category, token)
        if token and not dropped and not listed:
            labels.add(name)
    return labels


@functools.cache
def _is_listed(category: str, token: str) -> bool:
    """Is the token listed as no class?

    In the table, ``(...)`` stands for anything.
    """
    with (Path(builder.__file__).parent / "vocabulary" / "no_class.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return any(
        row["category"] == category and fnmatch.fnmatchcase(token, row["token"].replace("(...)", "*")) for row in rows
    )


def _key(*parts: str | int) -> int:
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def _mix(value: int, salt: int) -> int:
    """Return SplitMix64's output function of value + salt.

    Steele, Lea & Flood 2014, figure 16.
    """
    word = (1 << 64) - 1
    z = (value + salt + 0x9E3779B97F4A7C15) & word
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & word
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & word
    return z ^ (z >> 31)


def _text_key(text: str) -> int:
    data = text.encode()
    key = _mix(len(data), 0)
    for start in range(0, len(data), 8):
        piece = data[start : start + 8]
        key = _mix(key ^ int.from_bytes(bytes(8 - len(piece)) + piece, "little"), 1)
    return key


def _stratum_key(stratum: tuple[str | None, ...], salt: int) -> int:
    key = 0
    for value in stratum:
        text = _text_key(value or "")
        key = _mix(key ^ (text if value is not None else text ^ ((1 << 64) - 1)), salt)
    return key
