"""Which candidates make the package.

Duplicates, the cap, small classes, and that nothing is lost.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from builder.errors import UserError
from builder.recipe import Recipe
from builder.schema import REJECTS, SELECTION
from builder.stages.select.choose import Selected
from tests.stages.made_parts import image, kept, sides_are_pure, tables


def rejects(selected: Selected) -> dict[tuple[str, int], tuple[str, str, Any]]:
    return {
        (row["idx"], row["candidate"]): (row["stage"], row["reason"], row["detail"])
        for row in selected.rejects.to_pylist()
    }


def small(**values: Any) -> Recipe:
    return Recipe(**{"class_size": 100, "min_class_size": 1, **values})


def test_columns_come_from_the_three_tables() -> None:
    selected = tables([image(1, "dmso", organism="human", microscopy="fluorescence", group="plate 7")]).select(small())
    assert selected.selection.cast(SELECTION).schema == SELECTION
    assert selected.rejects.schema == REJECTS
    row = selected.selection.to_pylist()[0]
    expected = {
        "label": "dmso",
        "category": "compound",
        "database": "Base",
        "dir_name": "src",
        "path": "cytoimagenet/dmso",
        "filename": "dmso-0.png",
        "idx": "src-1",
        "organism": "human",
        "compound": "dmso",
        "gene": None,
        "microscopy": "fluorescence",
        "crop": False,
        "scaling": 1.0,
        "group": "plate 7",
        "license": "CC0-1.0",
        "split": "train",
        "shard": "data/compound/train-00000-of-00001",
        "position": 0,
        "part": "standardized/src/part-00000",
        "row": 0,
        "bytes": 1000,
    }
    assert {name: row[name] for name in expected} == expected


def test_what_standardisation_refused_is_told_with_its_reason() -> None:
    refused = [{"candidate": 0}, {"candidate": 1, "reason": "crop_dim", "detail": "75th percentile 0"}]
    selected = tables([image(1, examples=2) | {"examples": refused}]).select(small())
    assert kept(selected) == {("src-1", 0)}
    assert selected.rejects.to_pylist() == [
        {
            "idx": "src-1",
            "dir_name": "src",
            "key": "key of src-1",
            "label": "x",
            "candidate": 1,
            "stage": "standardize",
            "reason": "crop_dim",
            "detail": "75th percentile 0",
        }
    ]


def test_equal_pixels_are_kept_once_and_the_other_says_whose_they_are() -> None:
    same = {"pixels": "same"}
    selected = tables(
        [
            image(3, "x") | {"examples": [{"candidate": -1} | same]},
            image(2, "y") | {"examples": [{"candidate": 1} | same, {"candidate": 0} | same]},
            image(4, "y"),
        ]
    ).select(small())
    assert kept(selected) == {("src-2", 0), ("src-4", -1)}
    assert rejects(selected) == {
        ("src-2", 1): ("select", "duplicate", "same pixels as src-2 crop 0"),
        ("src-3", -1): ("select", "duplicate", "same pixels as src-2 crop 0; conflicting label: y"),
    }


def test_a_refused_candidate_is_nobodys_duplicate() -> None:
    refused = {"candidate": -1, "reason": "dim"}
    selected = tables([image(1) | {"examples": [refused]}, image(2) | {"examples": [refused]}, image(3)]).select(
        small()
    )
    assert Counter(reason for _, reason, _ in rejects(selected).values()) == {"dim": 2}


@pytest.mark.parametrize(("images", "crops", "size"), [(60, 2, 100), (50, 2, 51), (50, 3, 100), (30, 4, 95)])
def test_at_most_one_crop_an_image_goes_while_that_suffices(images: int, crops: int, size: int) -> None:
    selected = tables([image(i, examples=crops) for i in range(images)]).select(small(class_size=size))
    assert selected.selection.num_rows == size
    left = Counter(selected.selection["idx"].to_pylist())
    assert len(left) == images
    assert set(left.values()) <= {crops, crops - 1}


def test_then_images_with_the_most_crops_lose_until_all_have_one() -> None:
    """50 images of 4 crops; the class may keep 60."""
    selected = tables([image(i, examples=4) for i in range(50)]).select(small(class_size=60))
    left = Counter(selected.selection["idx"].to_pylist())
    assert Counter(left.values()) == {1: 40, 2: 10}


def test_an_image_loses_its_last_crop_only_when_nothing_else_is_left() -> None:
    images = [image(i, examples=1 + i % 4) for i in range(40)]
    left = Counter(tables(images).select(small(class_size=40)).selection["idx"].to_pylist())
    assert set(left.values()) == {1}
    left = Counter(tables(images).select(small(class_size=30)).selection["idx"].to_pylist())
    assert Counter(left.values()) == {1: 30}


def test_an_only_candidate_goes_after_one_of_several() -> None:
    several, alone = [image(i, examples=2) for i in range(40)], [image(i) for i in range(40, 70)]
    selected = tables([*several, *alone]).select(small(class_size=75))
    assert {idx for idx, _ in kept(selected)} == {f"src-{i}" for i in range(70)}


def test_which_crop_goes_is_drawn() -> None:
    selected = tables([image(i, examples=4) for i in range(400)]).select(small(class_size=1200))
    gone = Counter(candidate for _, candidate in rejects(selected))
    assert all(60 < gone[c] < 140 for c in range(4))  # 100 each, 8.7 the standard deviation


def test_a_class_below_the_least_size_is_dropped_whole() -> None:
    images = [image(i, "large") for i in range(6)] + [image(i, "small") for i in range(6, 11)]
    selected = tables(images).select(small(min_class_size=6))
    assert set(selected.selection["label"].to_pylist()) == {"large"}
    assert set(rejects(selected).values()) == {("select", "small_class", "its class had 5 candidates")}
    assert selected.report["dropped_classes"] == {"small": {"category": "compound", "assigned": 5}}


def test_duplicates_do_not_count_towards_the_least_size() -> None:
    images = [image(i) | {"examples": [{"candidate": -1, "pixels": "same"}]} for i in range(6)]
    assert not tables(images).select(small(min_class_size=2)).selection.num_rows


def test_file_numbers_are_binary_and_as_wide_as_the_class_size() -> None:
    selected = tables([image(i, "gene -- a, b") for i in range(1000)]).select(Recipe())
    names = sorted(selected.selection["filename"].to_pylist())
    assert names[0] == "gene-a__b-0000000000.png"
    assert names[-1] == "gene-a__b-1111100111.png"
    assert len(set(names)) == 1000
    assert {len(name) for name in names} == {len(names[0])}
    assert set(selected.selection["path"].to_pylist()) == {"cytoimagenet/gene-a__b"}


def test_images_without_candidates_are_counted() -> None:
    assert tables([image(1), image(2) | {"examples": []}]).select(small()).report["missing"] == 1


def test_a_group_that_two_sources_hold_is_on_one_side() -> None:
    """60 specimens, each imaged in two sources under one name."""
    images = [
        image(i, f"stain {i % 3}", dir_name=f"src{i % 2}", idx=f"src{i % 2}-{i}", group=f"shared:hpa:{i // 2}")
        for i in range(120)
    ]
    selected = tables(images).select(small())
    assert sides_are_pure(selected, "group")
    assert sum(facts["groups"] for facts in selected.report["classes"].values()) == 120  # a specimen has two stains
    assert 8 <= Counter(selected.selection["split"].to_pylist())["validation"] <= 16


def test_groups_that_hold_the_same_whole_image_are_on_one_side() -> None:
    """Up to group 9, neighbouring groups share an image."""
    images = [
        image(2 * g + n, "x", group=f"well {g:03}") | {"examples": [{"candidate": -1, "whole": whole(g, n)}]}
        for g in range(100)
        for n in range(2)
    ]
    selected = tables(images).select(small(class_size=200, validation_share=0.5))
    table = selected.selection
    of_chain = {row["split"] for row in table.to_pylist() if row["group"] <= "well 009"}
    assert len(of_chain) == 1
    assert table.num_rows == 191  # 9 of the 200 are copies
    merged = selected.report["split"]["merged_groups"]
    assert merged == {"groups": 10, "units": 1, "names": [[f"well {g:03}" for g in range(10)]]}


def whole(group: int, number: int) -> str:
    """Name what a group's first or second image shows."""
    return f"shared {group + number}" if group + number <= 9 and (group, number) != (0, 0) else f"{group}/{number}"


def test_copies_under_two_labels_that_are_cut_differently_are_kept_once() -> None:
    """60 pairs of equal images; crops are drawn by idx."""
    images = [
        image(100 * n + i, f"compound {n}", group=f"well {n}-{i}")
        | {"examples": [{"candidate": c, "whole": f"field {i}"} for c in range(2)]}
        for n in range(2)
        for i in range(60)
    ]
    selected = tables(images).select(small(class_size=200))
    assert selected.selection.num_rows == 120
    assert len(set(selected.selection["sha256"].to_pylist())) == len(set(selected.selection["idx"].to_pylist())) == 60
    details = {detail for _, reason, detail in rejects(selected).values() if reason == "duplicate"}
    assert "same whole image as src-0; conflicting label: compound 0" in details
    assert len(details) == 60


def test_a_copy_is_not_lost_with_a_class_that_is_too_small() -> None:
    """Ten images of the small class have later copies.

    The copies are in the large class.
    """
    images = [image(i, "small") | {"examples": [{"candidate": -1, "whole": f"field {i}"}]} for i in range(10)]
    images += [image(100 + i, "large") | {"examples": [{"candidate": -1, "whole": f"field {i}"}]} for i in range(30)]
    selected = tables(images).select(small(min_class_size=15))
    assert Counter(selected.selection["label"].to_pylist()) == {"large": 30}
    assert Counter(reason for _, reason, _ in rejects(selected).values()) == {"small_class": 10}


def test_by_batch_no_plate_is_on_both_sides() -> None:
    """Ten plates of 20 wells; one well on two plates."""
    images = [image(i, f"x{i % 4}", group=f"well {i}", batch=f"src:plate {i // 20}") for i in range(200)]
    images += [image(200, "x0", group="well 7", batch="src:plate 5")]
    images += [image(300 + i, "x0", group=f"lone {i}") for i in range(20)]
    by_group, by_batch = (
        tables(images).select(small(class_size=300, split_by=by, validation_share=0.2)) for by in ("group", "batch")
    )
    assert not sides_are_pure(by_group, "batch", known=True)
    assert sides_are_pure(by_batch, "batch", known=True)
    assert sides_are_pure(by_batch, "group")
    joined = by_batch.selection.filter(pc.is_in(by_batch.selection["batch"], pa.array(["src:plate 0", "src:plate 5"])))
    assert len(set(joined["split"].to_pylist())) == 1
    assert by_batch.report["split"]["without_batch"] == 20
    assert by_batch.report["split"]["by"] == "batch"


def test_the_report_says_which_classes_lack_a_side_and_how_large_validation_is() -> None:
    images = [image(i, "even") for i in range(40)] + [image(100 + i, "one", group="g") for i in range(10)]
    split = tables(images).select(small()).report["split"]
    assert split == {
        "by": "group",
        "share": 0.1,
        "limit": 0.2,
        "validation_share": 4 / 50,
        "without_validation": ["one"],
        "without_training": [],
        "without_batch": 50,
        "merged_groups": {"groups": 0, "units": 0, "names": []},
    }


def test_the_report_says_how_far_each_class_is_from_its_share() -> None:
    images = [image(i, "even") for i in range(20)]
    images += [image(i, "odd", group=f"g{i % 2}") for i in range(20, 30)]
    images += [image(i, "one", group="g") for i in range(30, 40)]
    report = tables(images).select(small()).report
    json.dumps(report)
    assert report["classes"]["even"] == {
        "category": "compound",
        "images": 20,
        "groups": 20,
        "train": 18,
        "validation": 2,
        "share": 0.1,
        "deviation": 0.0,
        "assigned": 20,
    }
    assert report["classes"]["odd"]["validation"] == 5
    assert report["largest_deviation"] == pytest.approx(0.4)
    assert (report["one_group"], report["one_sided"]) == (["one"], [])


def test_instructions_that_no_class_can_meet_are_refused() -> None:
    with pytest.raises(UserError, match="min_class_size=500 candidates with class_size=200"):
        tables([image(1)]).select(Recipe(class_size=200))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda t: t._replace(assignments=t.assignments.slice(1)), "image src-1 has candidates but no label"),
        (lambda t: t._replace(annotations=t.annotations.slice(1)), "image src-1 has a label but no annotation"),
        (lambda t: t._replace(rows=pa.concat_tables([t.rows, t.rows])), "candidate -1 of src-1 comes twice"),
    ],
)
def test_tables_that_do_not_belong_together_are_refused(broken: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        broken(tables([image(1), image(2)])).select(small())
