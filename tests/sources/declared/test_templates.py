from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.sources.declared.templates import expression


@pytest.mark.parametrize(
    ("template", "path", "facts"),
    [
        ("{plate}/{well}_s{site}_w{channel}.tif", "P1/a01_s2_w3.TIF",
         {"plate": "P1", "well": "a01", "site": "2", "channel": "3"}),
        ("{well}[_s{site}][_w{channel}].tif", "A1_w2.tif", {"well": "A1", "site": None, "channel": "2"}),
        ("{well}[_s{site}][_w{channel}].tif", "A1.tif", {"well": "A1", "site": None, "channel": None}),
        ("**/{plate}_*_{well}.png", "a/b/P1_2024 x_H12.png", {"plate": "P1", "well": "H12"}),
        ("{plate}/{plate}_{well}.tif", "P1/P1_B02.tif", {"plate": "P1", "well": "B02"}),
        ("{plate}/{plate}_{well}.tif", "P1/P2_B02.tif", None),
        ("{well} [[{n:[0-9]{2}}]].tif", "A1 [07].tif", {"well": "A1", "n": "07"}),
        ("{well}_{channel}.tif", "A01_DAPI_high.tif", {"well": "A01", "channel": "DAPI_high"}),
        ("{well}_{channel}.tif", "sub/A01_DAPI.tif", None),
        ("{well}.tif", "A01.tif.bak", None),
        ("{plate}_{wellnumber}.tif", "P1_0012.tif", {"plate": "P1", "wellnumber": "0012"}),
    ],
)  # fmt: skip
def test_templates(template: str, path: str, facts: dict[str, str | None] | None) -> None:
    match = re.fullmatch(expression(template), path, re.IGNORECASE)
    assert (match and match.groupdict()) == facts


@pytest.mark.parametrize("template", ["{", "{}", "{a b}.tif", "a]b", "[a", "{well:(}x"])
def test_what_is_no_template(template: str) -> None:
    with pytest.raises((ValueError, re.error)):
        re.compile(expression(template))


@given(st.text(st.characters(exclude_characters="{}[]*/"), min_size=1, max_size=20))
def test_text_means_itself(text: str) -> None:
    assert re.fullmatch(expression(text), text)
    assert not re.fullmatch(expression(text), text + "x")
