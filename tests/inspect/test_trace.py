"""An example of anyone's package is compared, where possible.

Else the reason is given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from builder.inspect.trace import _compare
from builder.recipe import Recipe
from tests.package.made import png

PIXELS = np.arange(64, dtype=np.uint8).reshape(8, 8)
WINDOW = {"x_min": None, "x_max": None, "y_min": None, "y_max": None}


@pytest.mark.parametrize(
    ("image", "same", "says"),
    [
        ({"bytes": png(PIXELS)}, True, "same pixels"),
        ({"bytes": png(PIXELS[::-1])}, False, "other pixels"),
        ({"bytes": png(PIXELS)[:50]}, False, "its PNG cannot be read"),
        ({"bytes": b"nothing"}, False, "its PNG cannot be read"),
        ({"bytes": None}, False, "the package holds no PNG of it"),
        (None, False, "the package holds no PNG of it"),
    ],
)
def test_an_example_is_compared_or_it_is_said_why_not(image: Any, same: bool, says: str) -> None:
    traced = _compare({"image": image, **WINDOW}, {(None, None, None, None): PIXELS}, Recipe())
    assert traced.same is same
    assert says in traced.detail
