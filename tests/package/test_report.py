"""The report page and figures.

They are complete, self-contained and made from the data.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest
from PIL import Image

from builder.errors import UserError
from builder.package.charts import Bar, Panel, bar_chart
from builder.package.report import report
from tests.package.made import CLASSES, make_package

SVG: Final = "{http://www.w3.org/2000/svg}"


def test_the_page_has_every_class_and_fetches_nothing(made: Path) -> None:
    page = report(str(made))
    assert "dmso, &#39;x&#39; -- &lt;b&gt;" in page
    assert "<b>" not in page.replace("<b>SIMULATED", "")
    for name in ("human", "β-estradiol", "tp53 targeted"):
        assert f"<td>{name}</td>" in page
    shown = [len(re.findall("<img ", row)) for row in re.findall(r'<td class="examples">.*?</td>', page)]
    assert len(shown) == sum(map(len, CLASSES.values()))
    assert all(1 <= count <= 4 for count in shown)
    assert not re.findall(r"""(?:src|href)="(?!data:|#)""", page)
    assert "duplicate" in page


def test_a_simulated_package_says_so_on_its_page(tmp_path: Path) -> None:
    make_package(tmp_path / "cytoimagenet", simulated=True, file_format="parquet")
    page = report(str(tmp_path / "cytoimagenet"))
    assert page.count("SIMULATED") >= 3


def test_a_folder_without_a_manifest_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a finished package"):
        report(str(tmp_path))


def test_bars_are_as_long_as_their_values() -> None:
    bars = [Bar("a", 100, "100"), Bar("b", 50, "50"), Bar("c", 0, "0")]
    lengths = [length_of_bar(bar_chart([Panel("t", bars)]), f"bar-0-{row}") for row in range(3)]
    assert lengths[0] > 200
    assert lengths == pytest.approx([lengths[0], lengths[0] / 2, 0])


def length_of_bar(svg: bytes, identifier: str) -> float:
    """Return the length of a bar in an SVG.

    matplotlib draws it as a path from its lower left corner, to the right first.
    """
    path = ElementTree.fromstring(svg).find(f".//{SVG}g[@id='{identifier}']/{SVG}path")
    assert path is not None
    x = [float(number) for number in re.findall(r"[ML] (\S+)", path.attrib["d"])]
    return max(x) - min(x)


def test_a_chart_names_its_bars_as_they_are_called() -> None:
    svg = ElementTree.fromstring(bar_chart([Panel("a $title$", [Bar("<b> & $5 or $6", 1, "1 %")])]))
    assert [text.text for text in svg.iter(f"{SVG}text")] == ["0", "1", "images", "<b> & $5 or $6", "1 %", "a $title$"]


def test_the_axis_says_how_long_a_bar_is() -> None:
    """A bar of 50 reaches from tick 0 to 50."""
    svg = bar_chart([Panel("t", [Bar("a", 100, ""), Bar("b", 50, "")], "classes")])
    texts = {text.text: text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")}
    assert "classes" in texts
    places = {name: float(texts[name].attrib["x"]) for name in ("0", "40", "80", "100") if name in texts}
    assert len(places) > 2
    length = length_of_bar(svg, "bar-0-0") / 100
    for name, place in places.items():
        assert place - places["0"] == pytest.approx(length * float(name), abs=0.01)


def test_a_chart_has_the_same_bytes_whatever_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    panels = [Panel("t", [Bar("a", 3, "3"), Bar("b", 1, "1")])]
    chart = bar_chart(panels)
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)
    monkeypatch.setitem(matplotlib.rcParams, "svg.fonttype", "path")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert bar_chart(panels) == chart
    assert matplotlib.rcParams["font.size"] == 30, "the user's settings are theirs again"
    assert b"date" not in chart.lower()


def test_figures_are_opaque_so_that_they_read_on_a_dark_page(made: Path) -> None:
    figures = {path.name: path for path in (made / "figures").iterdir()}
    charts = {"composition.svg", "crops.svg", "images_per_class.svg", "rejects.svg", "split.svg"}
    assert figures.keys() == charts | {"classes.png"}
    with Image.open(figures["classes.png"]) as image:
        assert "transparency" not in image.info
        assert min(image.convert("RGB").getpixel((0, 0))) > 240  # type: ignore[type-var, arg-type]
    for name in charts:
        svg = ElementTree.parse(figures[name]).getroot()
        background = next(svg.iter(f"{SVG}path"))
        width, height = svg.attrib["viewBox"].split()[2:]
        assert "fill: #fafaf8" in background.attrib["style"]
        assert background.attrib["d"].split() == [
            "M",
            "0",
            height,
            "L",
            width,
            height,
            "L",
            width,
            "0",
            "L",
            "0",
            "0",
            "z",
        ]
