"""The split by whole groups.

It is pure, as near to its share as the groups allow, and the same for any order.
"""

from __future__ import annotations

import itertools
import random

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.draw import row_keys
from builder.stages.select.split import split_groups

Table = list[tuple[int, int]]  # (class, group) of each image


def split(images: Table, share: float = 0.1, salt: int = 0) -> npt.NDArray[np.bool_]:
    classes, groups = (np.array(column, np.int64) for column in zip(*images, strict=True))
    keys = row_keys(pa.array([f"plate {i}" for i in range(int(groups.max()) + 1)]))
    return split_groups(classes, groups, keys, share, salt)


def cost(images: Table, validation: npt.NDArray[np.bool_], share: float) -> float:
    """Return the sum of the classes' squared deviations.

    A side without images costs a class of several groups 16 more.
    """
    total = 0.0
    for one in {c for c, _ in images}:
        groups = [g for c, g in images if c == one]
        inside = sum(bool(validation[g]) for g in groups)
        total += (inside / len(groups) - share) ** 2
        if len(set(groups)) > 1 and inside in (0, len(groups)):
            total += 16
    return total


def shuffled(images: Table, seed: int) -> Table:
    return random.Random(seed).sample(images, len(images))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7)), min_size=1, max_size=60),
    st.sampled_from([0.1, 0.2, 0.5]),
)
def test_no_split_of_a_small_table_is_better(images: Table, share: float) -> None:
    groups = max(g for _, g in images) + 1
    found = cost(images, split(images, share), share)
    best = min(cost(images, np.array(bits), share) for bits in itertools.product((False, True), repeat=groups))
    assert found == pytest.approx(best, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=10), st.integers(0, 5))
def test_a_class_alone_comes_as_near_as_sums_of_its_groups_can(sizes: list[int], salt: int) -> None:
    images = [(0, group) for group, size in enumerate(sizes) for _ in range(size)]
    validation = split(images, 0.1, salt)
    sums = {sum(part) for k in range(1, len(sizes)) for part in itertools.combinations(sizes, k)}
    got = sum(size for group, size in enumerate(sizes) if validation[group])
    assert abs(got - 0.1 * sum(sizes)) == pytest.approx(min(abs(s - 0.1 * sum(sizes)) for s in sums))


def test_groups_of_one_image_give_exactly_a_tenth() -> None:
    images = [(c, c * 1000 + i) for c in range(5) for i in range(1000)]
    validation = split(images)
    assert [int(validation[c * 1000 : c * 1000 + 1000].sum()) for c in range(5)] == [100] * 5


def test_plates_that_hold_every_class() -> None:
    """No class is over five points from a tenth.

    100 plates hold 300 classes, about five images of each.
    """
    chance = np.random.default_rng(0)
    images = [(c, int(g)) for c in range(300) for g in chance.integers(0, 100, 500)]
    validation = split(images)
    shares = np.zeros(300)
    for c, g in images:
        shares[c] += validation[g] / 500
    assert np.abs(shares - 0.1).max() < 0.05
    assert np.abs(shares - 0.1).mean() < 0.015


def test_a_class_of_one_group_stays_in_training() -> None:
    assert not split([(0, 0)] * 30).any()


def test_two_groups_give_one_to_each_side_and_the_smaller_to_validation() -> None:
    assert split([(0, 0)] * 30 + [(0, 1)] * 20).tolist() == [False, True]


def test_without_a_share_there_is_no_validation() -> None:
    assert not split([(0, 0), (0, 1), (1, 1)], share=0).any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=1, max_size=120), st.integers(0, 9))
def test_the_order_of_images_does_not_matter(images: Table, seed: int) -> None:
    assert split(images).tolist() == split(shuffled(images, seed)).tolist()


def test_numbers_of_classes_and_groups_do_not_matter() -> None:
    """Groups are known by their keys, not their numbers.

    Other numbers give the same split.
    """
    chance = np.random.default_rng(1)
    classes, groups = chance.integers(0, 30, 3000), chance.integers(0, 60, 3000)
    keys = row_keys(pa.array([f"plate {i}" for i in range(60)]))
    number = chance.permutation(60)
    straight = split_groups(classes, groups, keys, 0.1, 0)
    keys_there = np.empty_like(keys)
    keys_there[number] = keys
    assert split_groups(classes, number[groups], keys_there, 0.1, 0)[number].tolist() == straight.tolist()


def test_another_salt_splits_otherwise() -> None:
    images = [(0, group) for group in range(200)]
    assert split(images, salt=0).tolist() != split(images, salt=1).tolist()
