"""Copies are kept once.

Where their class goes, a copy in another class stays: invariants, and a plain search.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.stages.select.copies import DrawBack, Examples, Kept, keep_once


def examples(rows: list[tuple[int, int, int, int]]) -> Examples:
    """Of (label, image, whole, pixels) each."""
    return Examples(*np.array(rows, np.int64).reshape(-1, 4).T)


def first_go(size: int) -> DrawBack:
    return lambda label, places: places[: max(0, len(places) - size)]


def kept(rows: list[tuple[int, int, int, int]], least: int = 1, size: int = 99) -> Kept:
    return keep_once(examples(rows), 4, least, first_go(size))


def test_a_copy_of_an_image_goes_with_all_its_crops() -> None:
    """Images 0 and 1 are equal but cut differently."""
    found = kept([(0, 0, 7, 0), (0, 0, 7, 1), (1, 1, 7, 2), (1, 1, 7, 3), (1, 2, 8, 4)])
    assert found.stays.tolist() == [True, True, False, False, True]
    assert found.whole_of.tolist() == [-1, -1, 0, 0, -1]


def test_the_same_crop_of_two_images_is_kept_once() -> None:
    found = kept([(0, 0, 7, 5), (1, 1, 8, 5), (1, 1, 8, 6)])
    assert found.stays.tolist() == [True, False, True]
    assert found.copy_of.tolist() == [-1, 0, -1]


def test_what_is_not_known_is_no_copy() -> None:
    assert kept([(0, 0, -1, 0), (0, 1, -1, 1)]).stays.all()


def test_a_copy_whose_class_is_too_small_stays_in_the_other_class() -> None:
    """Class 0 has two images and needs three.

    One of them has a copy in class 1.
    """
    rows = [(0, 0, 0, 0), (0, 1, 1, 1), (1, 2, 0, 2), (1, 3, 3, 3), (1, 4, 4, 4)]
    found = kept(rows, least=3)
    assert found.stays.tolist() == [False, False, True, True, True]
    assert found.small.tolist() == [2, 2, 0, 0, 0]


def test_of_two_classes_that_are_too_small_one_can_fill_the_other() -> None:
    """Each class needs four examples and has two unshared ones.

    Two images are in both classes.
    """
    rows = [(0, 0, 0, 0), (1, 1, 0, 1), (1, 2, 2, 2), (0, 3, 2, 3)]
    rows += [(0, 4, 4, 4), (0, 5, 5, 5), (1, 6, 6, 6), (1, 7, 7, 7)]
    found = kept(rows, least=4)
    assert found.stays.tolist() == [False, True, True, False, False, False, True, True]
    assert found.small.tolist() == [3, 0, 0, 3, 3, 3, 0, 0]


def test_a_copy_that_is_drawn_away_stays_in_the_other_class() -> None:
    """Class 0 may keep one image, so its first goes.

    A copy of that image is in class 1.
    """
    found = kept([(0, 0, 0, 0), (0, 1, 1, 1), (1, 2, 0, 2)], size=1)
    assert found.stays.tolist() == [False, True, True]
    assert found.excess.tolist() == [2, 0, 0]
    assert found.whole_of.tolist() == [-1, -1, -1]


def test_an_image_that_keeps_a_crop_is_not_lost() -> None:
    """The copy goes if its image keeps a crop.

    Class 0 keeps one of its image's two crops; the copy is in class 1.
    """
    found = kept([(0, 0, 0, 0), (0, 0, 0, 1), (1, 2, 0, 2)], size=1)
    assert found.stays.tolist() == [False, True, False]


def test_within_a_class_what_is_drawn_away_is_not_replaced_by_its_copy() -> None:
    found = kept([(0, 0, 0, 0), (0, 1, 1, 1), (0, 2, 0, 2)], size=1)
    assert found.stays.tolist() == [False, True, False]


@st.composite
def some_rows(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Draw rows of images with labels, whole images and crops.

    Each image, in order, has one label, a whole image out of few, and crops out of few.
    """
    rows = []
    for image in range(draw(st.integers(0, 14))):
        label, whole = draw(st.integers(0, 3)), draw(st.integers(-1, 8))
        rows += [(label, image, whole, draw(st.integers(0, 20))) for _ in range(draw(st.integers(1, 3)))]
    return rows


@settings(max_examples=400)
@given(some_rows(), st.integers(1, 5), st.integers(0, 5))
def test_invariants(rows: list[tuple[int, int, int, int]], least: int, room: int) -> None:
    size = least + room
    found = kept(rows, least, size)
    inside = [row for row, stays in zip(rows, found.stays, strict=True) if stays]
    whole = {(row[2], row[1]) for row in inside if row[2] >= 0}
    assert len({code for code, _ in whole}) == len(whole)  # one image of each whole
    assert len({row[3] for row in inside}) == len(inside)  # each crop once
    counts = np.bincount([row[0] for row in inside], minlength=4)
    assert all(count == 0 or least <= count <= size for count in counts)
    images, pixels = {row[1] for row in inside}, {row[3] for row in inside}
    for place, row in enumerate(rows):
        reasons = [
            found.whole_of[place] >= 0,
            found.copy_of[place] >= 0,
            found.small[place] > 0,
            found.excess[place] > 0,
        ]
        assert sum(reasons) == (not found.stays[place])
        if found.whole_of[place] >= 0:  # a copy of an image that is in the package, at least in part, in some class
            keeper = rows[found.whole_of[place]]
            assert keeper[2] == row[2]
            assert (
                keeper[0] == row[0]
                or keeper[1] in images
                or any(other[3] in pixels for other in of_image(rows, keeper))
            )
        if found.copy_of[place] >= 0:
            keeper = found.copy_of[place]
            assert rows[keeper][3] == row[3]
            assert found.stays[keeper] or rows[keeper][0] == row[0]


def of_image(rows: list[tuple[int, int, int, int]], one: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
    return [row for row in rows if row[1] == one[1]]


@given(some_rows())
def test_no_image_is_lost_to_a_small_class(rows: list[tuple[int, int, int, int]]) -> None:
    """A remaining class's images, or copies of them, are kept.

    Else each crop of the image, or of a copy, is kept.
    """
    found = kept(rows, least=3)
    inside = [row for row, stays in zip(rows, found.stays, strict=True) if stays]
    classes, images, pixels = ({row[n] for row in inside} for n in (0, 1, 3))
    for row in rows:
        same = [other for other in rows if other[1] == row[1] or (other[2] == row[2] != -1)]
        kept_crops = any(all(crop[3] in pixels for crop in of_image(rows, other)) for other in same)
        assert row[0] not in classes or any(other[1] in images for other in same) or kept_crops


@pytest.mark.parametrize("least", [1, 3])
def test_nothing_gives_nothing(least: int) -> None:
    assert not len(kept([], least).stays)
