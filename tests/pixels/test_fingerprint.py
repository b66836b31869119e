"""The hash of a whole image.

It is equal for equal pixels in any orientation, and for nothing else.
"""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from builder.pixels.fingerprint import fingerprint, whole_sha256
from builder.pixels.thumbnail import thumbnail

few_levels = st.one_of(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 2)),
    arrays.arrays(np.uint8, st.tuples(st.integers(9, 24), st.integers(9, 24)), elements=st.just(0), fill=st.just(0)),
)


def eight(pixels: np.ndarray) -> list[np.ndarray]:
    return [np.rot90(flipped, turns) for flipped in (pixels, pixels[::-1]) for turns in range(4)]


@settings(max_examples=200)
@given(few_levels)
def test_the_hash_is_of_the_smallest_of_the_eight_orientations(pixels: np.ndarray) -> None:
    plain = min((view.shape[0], view.tobytes(), view.shape[1]) for view in eight(pixels))
    content = np.array([plain[0], plain[2]], "<u4").tobytes() + plain[1]
    assert {whole_sha256(np.ascontiguousarray(view)) for view in eight(pixels)} == {hashlib.sha256(content).hexdigest()}


@given(few_levels, few_levels)
def test_images_with_one_hash_are_orientations_of_each_other(one: np.ndarray, other: np.ndarray) -> None:
    alike = any(np.array_equal(one, view) for view in eight(other))
    assert (whole_sha256(one) == whole_sha256(other)) == alike


@pytest.mark.parametrize("where", list(itertools.product((0, 11), (0, 29))))
def test_rows_that_do_not_differ_at_first_are_compared_to_the_end(where: tuple[int, int]) -> None:
    """One grey pixel in a corner of a blank image.

    The eight orientations differ in that pixel alone.
    """
    pixels = np.zeros((12, 30), np.uint8)
    pixels[where] = 1
    assert {whole_sha256(view) for view in eight(pixels)} == {whole_sha256(pixels)}
    moved = np.roll(pixels, 1, axis=1)
    assert (whole_sha256(moved) == whole_sha256(pixels)) == (where[1] == 29)


def test_a_fingerprint_is_the_hash_and_the_thumbnail() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)
    assert fingerprint(pixels) == (whole_sha256(pixels), thumbnail(pixels).tobytes())
