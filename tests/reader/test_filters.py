"""Conditions on plate and place.

A null is no value, and several conditions hold together.
"""

from __future__ import annotations

import pyarrow as pa
import pytest

from cytoimagenet_reader.filters import Filter

ROWS = pa.table(
    {
        "label": ["a", "b", "a", "b"],
        "batch": ["s:p1", "s:p2", "s:p1", None],
        "well": ["A01", "A01", None, "B02"],
        "control": ["negative", None, "positive", "negative"],
        "timepoint": pa.array([None, "0", "1", "1"], pa.string()),
        "z": pa.array([0, None, 3, 0], pa.int32()),
        "pixel_size_um": [0.2, 0.65, None, 1.3],
    }
)


@pytest.mark.parametrize(
    ("conditions", "rows"),
    [
        ({"batches": "s:p1"}, [0, 2]),
        ({"wells": ["A01", "B02"]}, [0, 1, 3]),
        ({"controls": ["negative"]}, [0, 3]),
        ({"timepoints": "1"}, [2, 3]),
        ({"where": {"z": 0}}, [0, 3]),
        ({"where": {"z": [0, 3]}}, [0, 2, 3]),
        ({"where": {"pixel_size_um": {"min": 0.2, "max": 0.65}}}, [0, 1]),
        ({"where": {"pixel_size_um": {"min": 0.3}}}, [1, 3]),
        ({"where": {"pixel_size_um": {"max": 0.65}, "z": 0}}, [0]),
        ({"batches": ["s:p1", "s:p2"], "wells": "A01", "labels": "a"}, [0]),
    ],
)
def test_rows_of_a_plate_a_well_a_control_a_time(conditions: dict[str, object], rows: list[int]) -> None:
    mask = Filter(**conditions).mask(ROWS, []).to_pylist()  # type: ignore[arg-type]
    assert [row for row, wanted in enumerate(mask) if wanted] == rows
