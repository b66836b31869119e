from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.sources.declared.columns import column_filler
from builder.sources.declared.facts import fill
from builder.sources.declared.layouts import layouts
from builder.sources.declared.names import Names
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


PARTS = st.sampled_from(["P1", "P 2", "A01", "run_Plate_7", "TimePoint_1", "x.tif", "P1_A01_w1.tif", "A01_s1_w1.tif"])
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=5).map("/".join), min_size=1, max_size=12)


@given(PATHS, st.sampled_from(sorted(layouts())))
def test_names_read_together_say_what_each_says_alone(paths: list[str], layout: str) -> None:
    names = Names(layouts()[layout])
    assert names.read(paths) == [names.match(path) for path in paths]


@given(
    st.lists(st.sampled_from(["{plate}", "{Well}", "_", "plate", "'", "{x}", " "]), max_size=5).map("".join),
    st.lists(st.fixed_dictionaries(dict.fromkeys(["plate", "well"], st.sampled_from(["", "P1", "%s"]))), max_size=3),
)
def test_a_text_is_filled_in_for_many_as_for_each(text: str, facts: list[dict[str, str]]) -> None:
    columns = {name: [one[name] for one in facts] for name in ("plate", "well")}
    assert column_filler(text)(columns, len(facts)) == [fill(text, one) for one in facts]
