"""The method's sections 3 to 5, written plainly and slowly.

For one image, with numpy's percentiles and no shared code but the draws.

The paper's way and ours are told apart by what is given for the four choices, nothing else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from builder.draw import Draw

SCALINGS = (1 / 2, 1 / 4, 1 / 8, 1 / 16)

CHOICES: dict[str, dict[str, Any]] = {
    "paper": {"single_whole": False, "least_contrast": 0.0, "redraws": 0, "by_windows": False},
    "ours": {"single_whole": True, "least_contrast": 0.08, "redraws": 4, "by_windows": True},
}


class Made(NamedTuple):
    """A candidate as the plain method makes it.

    Its number (-1: the whole), its window (rows, then columns), why it was refused, and its pixels.
    """

    number: int
    window: tuple[int, int, int, int] | None
    reason: str | None
    pixels: np.ndarray | None


def plainly(
    channels: list[np.ndarray],
    wanted: int,
    draw: Draw,
    single: bool,
    single_whole: bool,
    least_contrast: float,
    redraws: int,
    by_windows: bool,
) -> list[Made] | str:
    """Return what one image gives, or why it is rejected."""
    stretched = [stretch(channel.astype(float)) for channel in channels if np.ptp(np.percentile(channel, [0.1, 99.9]))]
    if not stretched:
        return "uniform"
    merged = sum(stretched[1:], stretched[0]) / len(stretched)
    grey = np.rint(merged * 255)
    if len(np.unique(grey)) <= 2:
        return "binary_mask"
    dim = bool(np.percentile(grey, 75) == 0)
    if dim and not by_windows:
        return "dim"
    if single and single_whole:
        wanted = 0
    places = drawn(*merged.shape, 16, draw)
    made = []
    for number, place in enumerate(places[:wanted]):
        made.append(crop(merged, number, place, draw, least_contrast, redraws))
    if any(one.reason is None for one in made):
        return made
    if dim:
        for number, place in list(enumerate(places))[wanted:16]:
            further = crop(merged, number, place, draw, least_contrast, redraws)
            if further.reason is None:
                if wanted:
                    return [*made, further]
                break
        else:
            return "dim"
    return [Made(-1, None, None, grey.astype(np.uint8)), *made]


def crop(
    merged: np.ndarray,
    number: int,
    place: tuple[float, Any, tuple[int, int, int, int]],
    draw: Draw,
    least_contrast: float,
    redraws: int,
) -> Made:
    """Return the crop at a place.

    A blank one is drawn again inside its quadrant.
    """
    scaling, quadrant, window = place
    reason, pixels = judge(merged, window, least_contrast)
    for again in range(redraws if reason == "crop_blank" else 0):
        other = placed(*merged.shape, quadrant, scaling, draw.branch("redraw", number, again))
        retried, cut = judge(merged, other, least_contrast)
        if retried is None:
            return Made(number, other, None, cut)
    return Made(number, window, reason, pixels)


def stretch(values: np.ndarray) -> np.ndarray:
    """Clip to two percentiles and scale to 0 ... 1.

    They are the 0.1th and the 99.9th.
    """
    low, high = np.percentile(values, [0.1, 99.9])
    return (np.clip(values, low, high) - low) / (high - low)


def judge(merged: np.ndarray, window: tuple[int, int, int, int], least: float) -> tuple[str | None, np.ndarray | None]:
    """Return why a crop is not kept, or its pixels."""
    top, bottom, left, right = window
    cut = merged[top:bottom, left:right]
    low, high = np.percentile(cut, [0.1, 99.9])
    down, right = (side // 8 for side in cut.shape)
    inner = np.rint(cut * 255)[down : len(cut) - down, right : len(cut[0]) - right]
    inside = np.ptp(np.percentile(inner, [0.1, 99.9])) / 255
    if high - low < least or inside < 7 / 8 * least or (inside < 3 * least and noise(inner)):
        return "crop_blank", None
    if high == low:
        return "crop_uniform", None
    grey = np.rint(cut * 255)
    if grey.mean() <= 1:
        return "crop_too_dark", None
    if grey.mean() >= 254:
        return "crop_too_bright", None
    if np.percentile(grey, 75) == 0:
        return "crop_dim", None
    pixels = np.rint(stretch(cut) * 255).astype(np.uint8)
    return ("crop_binary", None) if len(np.unique(pixels)) <= 2 else (None, pixels)


def noise(grey: np.ndarray) -> bool:
    """Do pixels eight apart differ by no more than neighbours?"""
    far, near = (
        np.mean((grey[:, step:] - grey[:, :-step]) ** 2) + np.mean((grey[step:] - grey[:-step]) ** 2) for step in (8, 1)
    )
    return bool(far < 1.05 * near)


def drawn(height: int, width: int, most: int, draw: Draw) -> list[tuple[float, int, tuple[int, int, int, int]]]:
    """Return an image's first windows: scaling, quadrant, window.

    Scalings and quadrants are each dealt until all are used.
    """
    allowed = [scaling for scaling in SCALINGS if int(min(height, width) * scaling) >= 70]
    if min(height, width) < 140:
        return []
    scalings: list[float] = []
    quadrants: list[int] = []
    out = []
    for _ in range(most):
        scalings = scalings or list(draw.shuffled(allowed))
        scaling = scalings.pop(0)
        quadrants = quadrants or list(draw.shuffled(range(4)))
        quadrant = quadrants.pop(0)
        out.append((scaling, quadrant, placed(height, width, quadrant, scaling, draw)))
    return out


def placed(height: int, width: int, quadrant: int, scaling: float, draw: Draw) -> tuple[int, int, int, int]:
    """Draw a window's place in its quadrant: down, then right."""
    found = []
    for side, second in ((height, quadrant // 2), (width, quadrant % 2)):
        first, last = (side // 2, side) if second else (0, side // 2)
        start = first + draw.below(last - first - int(side * scaling) + 1)
        found += [start, start + int(side * scaling)]
    return found[0], found[1], found[2], found[3]
