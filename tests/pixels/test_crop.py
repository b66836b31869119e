"""Where crops lie, against section 4 of the method."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.draw import Draw
from builder.pixels import crop
from builder.recipe import Recipe

SIDES = st.integers(1, 3000)


@pytest.mark.parametrize(
    ("height", "width", "wanted"),
    [
        (139, 5000, []),
        (140, 140, [0.5]),
        (279, 300, [0.5]),
        (280, 280, [0.5, 0.25]),
        (520, 696, [0.5, 0.25]),
        (1080, 1080, [0.5, 0.25, 0.125]),
        (1120, 1120, [0.5, 0.25, 0.125, 0.0625]),
    ],
)
def test_scales_that_a_size_allows(height, width, wanted):
    assert crop.scales(height, width, Recipe()) == wanted


def drawn(height, width, wanted, draw, recipe):
    return list(itertools.islice(crop.windows(height, width, draw, recipe), wanted))


@given(SIDES, SIDES, st.integers(1, 4), st.integers())
def test_windows(height, width, wanted, seed):
    recipe = Recipe()
    found = drawn(height, width, wanted, Draw(seed, "x"), recipe)
    if min(height, width) < 140:
        assert found == []
        return
    assert len(found) == wanted
    quadrants = set()
    for one in found:
        assert one.y_max - one.y_min == int(height * one.scaling) >= 70
        assert one.x_max - one.x_min == int(width * one.scaling) >= 70
        lower, right = one.y_min >= height // 2, one.x_min >= width // 2
        assert lower * (height // 2) <= one.y_min < one.y_max <= (height if lower else height // 2)
        assert right * (width // 2) <= one.x_min < one.x_max <= (width if right else width // 2)
        quadrants.add((lower, right))
    assert len(quadrants) == wanted
    scales = [one.scaling for one in found]
    allowed = crop.scales(height, width, recipe)
    assert len(set(scales)) == min(wanted, len(allowed))
    assert max(map(scales.count, scales)) <= -(-wanted // len(allowed))


@given(SIDES, SIDES, st.integers())
def test_fewer_crops_are_the_first_of_more(height, width, seed):
    recipe = Recipe()
    four = drawn(height, width, 4, Draw(seed), recipe)
    for wanted in (0, 1, 2, 3):
        assert drawn(height, width, wanted, Draw(seed), recipe) == four[:wanted]


def test_half_scale_of_an_even_side_is_the_quadrant():
    for seed in range(20):
        (one,) = drawn(200, 200, 1, Draw(seed), Recipe())
        assert one.y_min in (0, 100)
        assert one.x_min in (0, 100)


def test_places_are_spread_over_the_quadrant():
    found = [drawn(1120, 1120, 1, Draw(seed), Recipe())[0] for seed in range(2000)]
    smallest = [one.x_min % 560 for one in found if one.scaling == 0.0625]
    assert 400 < len(smallest) < 600
    assert min(smallest) < 15
    assert max(smallest) > 475


@given(st.integers(140, 700), st.integers(140, 700), st.integers(), st.integers(0, 5))
def test_a_window_drawn_again_keeps_scale_and_quadrant(height, width, seed, which):
    draw = Draw(seed, "x")
    one = drawn(height, width, which + 1, draw, Recipe())[which]
    other = crop.redrawn(one, height, width, draw.branch("redraw", which, 0))
    assert other.scaling == one.scaling
    assert (other.y_max - other.y_min, other.x_max - other.x_min) == (one.y_max - one.y_min, one.x_max - one.x_min)
    assert (other.y_min >= height // 2, other.x_min >= width // 2) == (
        one.y_min >= height // 2,
        one.x_min >= width // 2,
    )
    assert other.y_min >= 0
    assert other.x_min >= 0
    assert other.y_max <= (height if other.y_min >= height // 2 else height // 2)
    assert other.x_max <= (width if other.x_min >= width // 2 else width // 2)
