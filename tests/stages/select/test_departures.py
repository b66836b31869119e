"""What the departures from the paper changed, counted."""

from __future__ import annotations

from typing import Any

from builder.recipe import Recipe
from tests.stages.made_parts import image, tables


def made(**facts: Any) -> dict[str, Any]:
    return {"height": 300, "width": 400, "redrawn": 0, "whole_dim": False, **facts}


def test_each_is_counted_as_what_it_is() -> None:
    crops = [
        made(candidate=0),
        made(candidate=1, redrawn=2),
        made(candidate=2, redrawn=1),
        made(candidate=3, redrawn=4, reason="crop_blank"),
    ]
    dim = [made(candidate=0, whole_dim=True), made(candidate=1, whole_dim=True, redrawn=1)]
    whole = {"candidate": -1}
    images = [
        image(1) | {"examples": crops},
        image(2) | {"examples": dim},
        image(3) | {"examples": [{"candidate": -1, "reason": "dim"}]},
        image(4, single_object=True) | {"examples": [made(**whole)]},
        image(5, single_object=True) | {"examples": [made(**whole, height=139)]},  # too small to be cut in any case
        image(6, single_object=False) | {"examples": [made(**whole)]},
        image(7, single_object=True) | {"examples": [made(**whole, whole_dim=True)]},
        image(8, single_object=True, label="small") | {"examples": [made(**whole)]},  # not in the package
    ]
    report = tables(images).select(Recipe(min_class_size=2, class_size=100)).report
    assert report["departures"] == {
        "single_objects_whole": 2,
        "redrawn": 3,
        "blank": 1,
        "dim_kept": 2,
        "dim": 1,
    }
