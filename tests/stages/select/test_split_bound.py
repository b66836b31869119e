"""The bound on validation is never exceeded.

Classes go without rather than that half of the data is taken.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.draw import row_keys
from builder.stages.select.split import split_groups
from tests.stages.select.test_split import Table, split


def bounded(images: Table, share: float, most: float, salt: int = 0) -> np.ndarray:
    import pyarrow as pa

    classes, groups = (np.array(column, np.int64) for column in zip(*images, strict=True))
    keys = row_keys(pa.array([f"plate {i}" for i in range(int(groups.max()) + 1)]))
    return split_groups(classes, groups, keys, share, salt, most)


def size(images: Table, validation: np.ndarray) -> int:
    return sum(bool(validation[group]) for _, group in images)


def swollen() -> Table:
    """Return 200 classes of 60 images on few plates.

    Each is on 3 of 60 plates, as in screens with few replicates.
    """
    chance = np.random.default_rng(0)
    return [(c, int(plate)) for c in range(200) for plate in chance.choice(60, 3, replace=False) for _ in range(20)]


def test_classes_on_three_plates_each_swell_the_split_and_the_bound_holds_it() -> None:
    images = swollen()
    free = size(images, split(images, 0.1)) / len(images)
    assert free > 0.4  # what this is about
    validation = bounded(images, 0.1, 0.2)
    share = size(images, validation) / len(images)
    assert 0.1 < share <= 0.2
    with_validation = {c for c, group in images if validation[group]}
    with_training = {c for c, group in images if not validation[group]}
    assert len(with_validation) > 60  # as many as a fifth of the plates can serve
    assert len(with_training) == 200


def test_what_stays_below_is_as_it_was() -> None:
    chance = np.random.default_rng(1)
    images = [(c, int(g)) for c in range(40) for g in chance.integers(0, 100, 100)]
    assert bounded(images, 0.1, 0.2).tolist() == split(images, 0.1).tolist()


def test_two_groups_of_one_class_go_without_where_half_is_too_much() -> None:
    images = [(0, 0)] * 30 + [(0, 1)] * 30
    assert not bounded(images, 0.1, 0.2).any()
    assert bounded(images, 0.1, 0.5).sum() == 1


def test_the_class_that_is_furthest_above_its_share_goes_without() -> None:
    """Of 140 images, 28 may be validation.

    Class 0 would take half of its 60, class 1 a tenth of its 80.
    """
    images = [(0, 0)] * 30 + [(0, 1)] * 30 + [(1, 2 + i) for i in range(80)]
    validation = bounded(images, 0.1, 0.2)
    assert not validation[:2].any()
    assert validation[2:].sum() == 8


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=60),
    st.sampled_from([0.1, 0.3]),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.integers(0, 9),
)
def test_the_bound_is_never_exceeded(images: Table, share: float, times: float, seed: int) -> None:
    most = share * times
    validation = bounded(images, share, most, seed)
    assert size(images, validation) <= most * len(images) + 1e-9
    free = split(images, share, seed)
    if size(images, free) <= most * len(images):
        assert validation.tolist() == free.tolist()
    shuffled = np.random.default_rng(seed).permutation(len(images)).tolist()
    assert bounded([images[place] for place in shuffled], share, most, seed).tolist() == validation.tolist()


@pytest.mark.parametrize("salt", range(3))
def test_groups_rejoin_where_there_is_room(salt: int) -> None:
    """Two of nine plates fit below a quarter.

    The 90 images are on nine plates of ten. The plates form a ring: neighbouring ones share a class.
    """
    images = [(c, plate) for plate in range(9) for c in (plate, (plate + 1) % 9) for _ in range(5)]
    validation = bounded(images, 0.1, 0.25, salt)
    assert validation.sum() == 2
