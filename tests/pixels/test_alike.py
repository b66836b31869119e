"""Pairs that look alike, against a full comparison.

It compares all with all in all orientations.
"""

from __future__ import annotations

import numpy as np
import pytest

from builder.demo.cells import blur
from builder.pixels import alike_candidates
from builder.pixels.alike import ALIKE, ALIKE_SYMMETRIC, alike
from builder.pixels.thumbnail import thumbnail
from tests.pixels.test_thumbnail import texture

Pairs = dict[tuple[int, int], float]


def eight(small: np.ndarray) -> list[np.ndarray]:
    return [np.rot90(flipped, turns) for flipped in (small, small[::-1]) for turns in range(4)]


def plain(first: np.ndarray, second: np.ndarray) -> Pairs:
    """Return the pairs by the definition, with loops.

    Correlate what orientations change, in the best orientation.
    """
    found = {}
    for i, one in enumerate(first.astype(float)):
        for j, other in enumerate(second.astype(float)):
            a, b = (part - np.mean(eight(part), axis=0) for part in (one, other))
            lengths = np.linalg.norm(a) * np.linalg.norm(b)
            value = max((a * view).sum() for view in eight(b)) / lengths if lengths else 0.0
            shares = [(part**2).sum() / max((whole**2).sum(), 1) for part, whole in ((a, one), (b, other))]
            if value > (ALIKE if min(shares) >= 0.6 else ALIKE_SYMMETRIC):
                found[i, j] = value
    return found


def pairs(first: np.ndarray, second: np.ndarray) -> Pairs:
    found = alike(first, second)
    return dict(zip(zip(found.first.tolist(), found.second.tolist(), strict=True), found.correlation, strict=True))


def changed(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the same field, imaged differently.

    In another orientation, at another focus, exposure and place.
    """
    view = eight(pixels)[rng.integers(8)].astype(float)
    moved = view[rng.integers(0, 9) :, rng.integers(0, 9) :]
    return np.rint(255 * (blur(moved, rng.uniform(0.5, 3)) / 255) ** rng.uniform(0.7, 1.4)).astype(np.uint8)


@pytest.fixture(scope="module")
def fields() -> tuple[np.ndarray, np.ndarray]:
    """40 fields, and of every second one a changed copy."""
    rng = np.random.default_rng(0)
    wholes = [texture(seed) for seed in range(40)]
    copies = [changed(whole, rng) for whole in wholes[::2]]
    return np.stack([thumbnail(whole) for whole in wholes]), np.stack([thumbnail(copy) for copy in copies])


def test_the_pairs_are_those_of_the_definition(fields: tuple[np.ndarray, np.ndarray]) -> None:
    found, wanted = pairs(*fields), plain(*fields)
    assert found == pytest.approx(wanted)
    assert len(wanted) >= 15
    assert all(i == 2 * j for i, j in wanted)


def test_the_most_alike_comes_first(fields: tuple[np.ndarray, np.ndarray]) -> None:
    values = alike(*fields).correlation
    assert (np.diff(values) <= 0).all()


def test_what_is_not_compared_in_full_is_not_alike(
    fields: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The candidates hold the pairs and few others.

    In whatever blocks they are looked for.
    """
    wanted = pairs(*fields)
    monkeypatch.setattr(alike_candidates, "_FEW", 0)
    for rows, columns in ((512, 4096), (4, 256)):
        monkeypatch.setattr(alike_candidates, "_ROWS", rows)
        monkeypatch.setattr(alike_candidates, "_COLUMNS", columns)
        near = {
            pair
            for found in alike_candidates.candidates(*fields)
            for pair in zip(*(part.tolist() for part in found), strict=True)
        }
        assert pairs(*fields) == wanted
        assert wanted.keys() <= near
        assert len(near) < 40 * 20 / 8


def test_more_pairs_than_expected_are_all_found(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    one, other = (np.rint(chance.normal(0, 10, (count, 5))).astype(np.float32) for count in (300, 9))
    monkeypatch.setattr(alike_candidates, "_PAIRS", 3)
    found = {
        pair
        for rows, columns in alike_candidates._near(one, other, np.float32(200))
        for pair in zip(rows.tolist(), columns.tolist(), strict=True)
    }
    assert found == set(zip(*(places.tolist() for places in np.nonzero(one @ other.T > 200)), strict=True))
    assert len(found) > 30


def test_round_cells_are_alike_only_where_they_are_nearly_the_same() -> None:
    """Discs with a few random granules.

    Their symmetric outline alone makes the thumbnails correlate.
    """
    rng = np.random.default_rng(3)
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    disc = 1 / (1 + np.exp(20 * (np.hypot(y, x) - 0.7)))
    cells = []
    for _ in range(30):
        granules = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 0.01) for a, b in rng.uniform(-0.5, 0.5, (4, 2)))
        cells.append(np.rint(180 * disc + 60 * np.clip(granules, 0, 1)).astype(np.uint8))
    small = np.stack([thumbnail(cell) for cell in cells])
    flat = small.reshape(30, -1).astype(float)
    assert np.median(np.corrcoef(flat)[np.triu_indices(30, 1)]) > 0.8
    assert set(pairs(small, small)) == {(i, i) for i in range(30)}
    noisy = [np.clip(cell + rng.normal(0, 4, cell.shape), 0, 255).astype(np.uint8) for cell in cells]
    assert set(pairs(small, np.stack([thumbnail(cell) for cell in noisy]))) == {(i, i) for i in range(30)}


def test_images_without_structure_are_like_nothing() -> None:
    flat = np.zeros((3, 16, 16), np.int8)
    assert not pairs(flat, flat)
    assert not pairs(flat[:0], flat)
