"""File names, configs and the shards' order in ``full``."""

from __future__ import annotations

import fnmatch
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoimagenet_reader import layout
from cytoimagenet_reader.layout import Part, configs, name_of, parse, shards_of, splits_of

FILES = [
    *(f"data/compound/train-{n:05d}-of-00004.arrow" for n in range(4)),
    *(f"data/organism/train-{n:05d}-of-00002.arrow" for n in range(2)),
    "data/organism/validation-00000-of-00001.arrow",
    "metadata/train.arrow",
    "README.md",
    "data/other/train-00000-of-00001.arrow",
]


def test_configs_are_full_and_the_categories_in_schema_order() -> None:
    assert configs(FILES) == ["full", "organism", "compound"]


def test_a_split_without_files_is_not_offered() -> None:
    assert splits_of(FILES, "full") == ["train", "validation"]
    assert splits_of(FILES, "compound") == ["train"]
    assert splits_of(FILES, "metadata") == ["train"]
    assert splits_of(FILES, "gene") == []


def test_full_meets_every_category_from_the_start() -> None:
    shards = [path.split("/")[1] + path[-17:-15] for path in shards_of(FILES, "full", "train")]
    assert [name[:-2] for name in shards] == ["compound", "organism", "compound", "compound", "organism", "compound"]
    # at 1/8, 1/4, 3/8, 5/8, 3/4 and 7/8 of the way
    assert shards_of(FILES, "organism", "train") == FILES[4:6]
    assert shards_of(FILES, "metadata", "train") == ["metadata/train.arrow"]


@pytest.mark.parametrize(
    "path",
    [
        "data/other/train-00000-of-00001.arrow",
        "data/gene/test-00000-of-00001.arrow",
        "data/gene/train-0-of-1.arrow",
        "data/gene/train-00000-of-00001.csv",
        "data/train-50000004-gene-00000-of-00001.parquet",  # globs would find it in another place
        "data/train-50000005-gene-00000-of-00000.parquet",
        "data/train-50000005-gene-00000-of-00001.arrow",
        "metadata/test.arrow",
        "x/data/gene/train-00000-of-00001.arrow",
    ],
)
def test_other_names_are_no_data_files(path: str) -> None:
    assert parse(path) is None


def test_a_shard_says_what_it_is() -> None:
    for path in ("data/gene/train-00003-of-00012.parquet", "data/train-29166665-gene-00003-of-00012.parquet"):
        assert parse(path) == ("gene", "train", 3, 12, "parquet")
        assert name_of(path) == "data/gene/train-00003-of-00012"


def test_the_order_is_the_one_of_packages_before_parquet_names_had_places() -> None:
    counts = {"sirna": 2, "organism": 6, "compound": 7, "cell_type": 2, "gene": 1}
    shards = [Part(config, "train", n, total, "arrow") for config, total in counts.items() for n in range(total)]
    by_fraction = sorted(
        shards, key=lambda part: (Fraction(2 * part.number + 1, part.total), layout.CATEGORIES.index(part.config))
    )
    assert sorted(shards, key=layout.reading_position) == by_fraction
    paths = [layout.shard_path(layout.shard_name(*part[:4]), "parquet") for part in by_fraction]
    assert sorted(paths) == paths, "what a glob finds is in that order"


COUNTS = st.dictionaries(st.sampled_from(layout.CATEGORIES), st.integers(1, 300), min_size=1)


@settings(max_examples=30, deadline=None)
@given(COUNTS)
def test_globs_of_parquet_find_files_in_the_reading_order(counts: dict[str, int]) -> None:
    names = [layout.shard_name(name, "train", n, total) for name, total in counts.items() for n in range(total)]
    paths = [layout.shard_path(name, "parquet") for name in names]
    assert [name_of(path) for path in paths] == names
    arrow = [layout.shard_path(name, "arrow") for name in names]
    assert [*map(name_of, shards_of(arrow, "full", "train"))] == [*map(name_of, shards_of(paths, "full", "train"))]
    for config in ("full", *counts):
        [pattern] = layout.patterns_of(paths, config, "train")
        assert fnmatch.filter(sorted(paths), pattern) == shards_of(paths, config, "train")


def test_the_script_that_stands_alone_spells_the_same_names() -> None:
    """Where `datasets` 3 copies it, it cannot import the reader."""
    import cytoimagenet

    assert cytoimagenet.CATEGORIES == layout.CATEGORIES
    assert cytoimagenet.FULL == layout.FULL
    for category, number in (("organism", 0), ("sirna", 7)):
        path = layout.shard_path(layout.shard_name(category, "train", number, 9), "arrow")
        part = layout.parse(path)
        assert part is not None
        assert cytoimagenet._reading_position(path) == layout.reading_position(part)
