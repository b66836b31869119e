"""Views of the values of binary arrays."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cytoimagenet_reader.views import image_views, views

VALUES = [b"", b"x", b"twelve bytes", b"thirteen byte", bytes(range(256)), b"a longer one that lies elsewhere"]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()], ids=str)
@pytest.mark.parametrize(("start", "count"), [(0, 6), (1, 4), (3, 3), (2, 0)])
def test_short_and_long_values_are_those_of_the_array(kind: pa.DataType, start: int, count: int) -> None:
    """A binary view holds up to twelve bytes itself."""
    found = views(pa.array(VALUES, kind).slice(start, count))
    assert [bytes(view) for view in found] == VALUES[start : start + count]
    assert all(view.readonly for view in found)


def test_a_column_of_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="the column image holds int64, not the bytes of images"):
        image_views(pa.table({"image": [1, 2]}))
