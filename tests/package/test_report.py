"""The report page and the figures: complete, self-contained, from the data."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from builder.errors import UserError
from builder.package.charts import Bar, Panel, bar_chart
from builder.package.report import report
from tests.package.made import CLASSES, make_package


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
    chart = bar_chart([Panel("t", [Bar("a", 100, "100"), Bar("b", 50, "50"), Bar("c", 0, "0")])])
    with Image.open(io.BytesIO(chart)) as image:
        pixels = image.convert("RGB")
        blue = [
            sum(b > r + 40 for r, _, b in (pixels.getpixel((x, y)) for x in range(pixels.width)))
            for y in (132, 180, 228)
        ]  # type: ignore[misc, operator]
    assert blue[0] == 2 * blue[1] > 500
    assert blue[2] == 0


def test_figures_are_opaque_so_that_they_read_on_a_dark_page(made: Path) -> None:
    figures = sorted((made / "figures").iterdir())
    assert {path.stem for path in figures} >= {
        "classes",
        "composition",
        "crops",
        "images_per_class",
        "rejects",
        "split",
    }
    for path in figures:
        with Image.open(path) as image:
            assert "transparency" not in image.info
            assert min(image.convert("RGB").getpixel((0, 0))) > 240  # type: ignore[type-var, arg-type]
