"""Every kind of file that curators meet.

It is read right, or refused with the reason.
"""

from __future__ import annotations

import numpy as np
import pytest

from builder.errors import RejectedError
from builder.pixels.read import read, read_channels
from tests.pixels.every_row import every_row

ROWS = list(every_row())


def test_there_are_enough_rows_and_no_name_twice():
    assert len(ROWS) >= 150
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_right_or_refused(row):
    data = row.make()
    if row.refused is not None:
        with pytest.raises(RejectedError, match=row.refused):
            read_channels(data, row.plane, oriented=row.oriented)
        return
    if row.channels is not None:
        found = read_channels(data, row.plane, oriented=row.oriented)
        assert len(found) == len(row.channels)
    else:
        found = (read(data, row.plane, oriented=row.oriented),)
    for got, wanted in zip(found, row.channels if row.channels is not None else (row.pixels,), strict=True):
        assert got.shape == wanted.shape
        assert got.dtype == wanted.dtype
        assert got.dtype.isnative
        if row.tolerance:
            assert np.abs(got.astype(float) - wanted).mean() <= row.tolerance
        else:
            np.testing.assert_array_equal(got, wanted)
