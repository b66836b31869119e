"""The explorer as people use it.

It is opened from disk in headless Chromium.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.inspect.explorer.write import Wanted, write_explorer
from tests.inspect.explorer.conftest import CLASSES, PER_CLASS, SAMPLES, data
from tests.inspect.explorer.use import DRAWN, OPTIONS, until, use, watched

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
TOTAL = sum(map(len, CLASSES.values()))

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests of the module."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Any, explored: Path) -> Iterator[Any]:
    """Open the first view.

    The test fails where the browser reports an error or asks a network for anything.
    """
    with watched(browser, explored / "index.html") as page:
        yield page


def go(page: Any, explored: Path, view: str) -> None:
    page.goto((explored / "index.html").as_uri() + view)
    page.wait_for_selector(".view-" + view.split("/")[1].split("?")[0])


def choice(page: Any, label: str) -> Any:
    return page.get_by_role("combobox", name=label, exact=True)


def test_search_filter_and_order_are_in_the_address(page: Any, explored: Path) -> None:
    assert page.locator(".card").count() == TOTAL
    page.keyboard.press("/")
    page.keyboard.type("dmso")
    until(page, lambda: page.locator(".card-name").all_inner_texts() == ["dmso, 'x' -- <b>"])
    assert page.locator("#said").inner_text() == f"1 class, {PER_CLASS} examples"
    assert page.url.endswith("#/classes?q=dmso")
    page.locator("#search").fill("")
    choice(page, "Category").select_option("organism")
    until(page, lambda: sorted(page.locator(".card-name").all_inner_texts()) == ["human", "yeast"])
    choice(page, "Size").select_option("100-499")
    until(page, lambda: page.locator("#count").inner_text().startswith("No class passes"))
    go(page, explored, "#/classes?category=compound&dir_name=bbbc901&sort=largest")
    assert page.locator(".card").count() == len(CLASSES["compound"])
    assert choice(page, "Source").input_value() == "bbbc901"


def test_a_class_page_can_be_linked_whatever_its_name(page: Any, explored: Path) -> None:
    odd = [(category, name) for category, names in CLASSES.items() for name in names if not name.isalnum()]
    assert len(odd) == 5
    for category, name in odd:
        go(page, explored, "#/classes?category=" + category)
        page.locator(".card").filter(has=page.get_by_text(name, exact=True)).locator("a").click()
        page.wait_for_selector(".view-class")
        assert page.locator("h1").inner_text() == name
        linked = page.url
        page.goto("about:blank")
        page.goto(linked)
        page.wait_for_selector(".view-class")
        assert page.locator("h1").inner_text() == name
        assert page.locator(".samples button").count() == SAMPLES
    assert page.locator(".histogram .bin title").count() == 2 * 24
    choice(page, "Group by").select_option("scaling")
    assert page.locator("h3").filter(has_text="whole image").count() == 1
    assert page.url.endswith("?by=scaling")
    assert page.locator(".samples svg[role=img][aria-label]").count() == SAMPLES


def test_an_example_by_keyboard_alone(page: Any, explored: Path) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    page.keyboard.type("human")
    for _ in range(9):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.card') !== null"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(".view-class")
    assert page.evaluate("document.activeElement.id") == "main"
    while not page.evaluate("document.activeElement.matches('.samples button')"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog = page.locator("dialog")
    assert dialog.locator("h2").inner_text() == f"human 1 of {SAMPLES}"
    page.keyboard.press("ArrowLeft")
    until(page, lambda: dialog.locator("h2").inner_text() == f"human {SAMPLES} of {SAMPLES}")
    assert page.url.endswith(f"?example={SAMPLES - 1}")
    shown = dialog.locator(".columns").inner_text()
    idx = dialog.locator("dt:text-is('idx') + dd").inner_text()
    assert "bbbc90" in shown
    assert f"cytoimagenet trace cytoimagenet {idx} --data DATA --show {idx}.png" in dialog.locator("pre").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.dataset.place") == str(SAMPLES - 1), "the focus stays at the example"
    go(page, explored, "#/class/organism/human?example=1")
    page.reload()
    assert page.locator("dialog h2").inner_text() == f"human 2 of {SAMPLES}"


def test_a_crop_shows_its_window(page: Any, explored: Path) -> None:
    go(page, explored, "#/class/organism/human?by=scaling")
    page.locator("section, div").locator("button[title*='crop of 1/2']").first.click()
    frame = page.locator(".frame rect.window")
    assert [frame.get_attribute(name) for name in ("x", "y", "width", "height")] == ["0", "3", "12", "12"]
    assert page.locator(".frame svg").get_attribute("viewBox") == "0 0 24 24", "12 pixels are half of the side"


def test_a_loop_on_the_map_lists_what_is_in_it(page: Any, explored: Path) -> None:
    go(page, explored, "#/map")
    box = page.locator("canvas").bounding_box()
    assert page.evaluate(DRAWN) > 500
    right, bottom = box["width"] - 8, box["height"] - 8
    corners = [(8, 8), (right, 8), (right, bottom), (8, bottom)]
    page.mouse.move(box["x"] + corners[0][0], box["y"] + corners[0][1])
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    page.wait_for_selector(".map-list .samples a")
    assert page.locator(".map-list h2").inner_text().startswith(f"{TOTAL * SAMPLES} examples in the loop, of {TOTAL} ")
    page.locator(".map-list").get_by_role("button", name="Clear").click()
    first = data(explored, "map")["source"].count(0)
    choice(page, "Colour by").select_option("source")
    page.locator(".legend button").filter(has_text="bbbc900").press("Enter")
    page.wait_for_selector(".map-list .samples a")
    assert page.locator(".map-list h2").inner_text().startswith(f"{first} examples coloured bbbc900")
    page.locator(".map-list .samples a").first.click()
    page.wait_for_selector("dialog")
    assert page.locator("dialog dt:text-is('dir_name') + dd").inner_text() == "bbbc900"


def test_every_view_in_dark_and_light_at_three_widths(page: Any, explored: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(ground) != light
    for width in (1280, 700, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for view in ("classes", "class/organism/human", "map", "dropped", "split", "tokens", "record"):
            go(page, explored, f"#/{view}")
            assert page.locator("h1").count() == 1
            words = set(page.locator("main").inner_text().split())
            assert not words & {"null", "undefined", "NaN"}, f"{view} shows a value that is none"
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, f"{view} is wider than {width} pixels"
            tops = page.locator("#nav a").evaluate_all("links => [...new Set(links.map(a => a.offsetTop))]")
            assert len(tops) == 1, f"the navigation wraps at {width} pixels"
            here = page.locator("#nav a[aria-current=page]").bounding_box()
            assert here["x"] >= 0, f"the name of {view} is cut at {width} pixels"
            assert here["x"] + here["width"] <= width, f"the name of {view} is cut at {width} pixels"
    assert page.locator("#nav a[aria-current=page]").inner_text() == "Record"
    go(page, explored, "#/dropped")
    assert page.locator(".strip h3").all_inner_texts() == ["Barely kept nearest to the limit, by p75"]
    go(page, explored, "#/class/organism/no such class")
    assert page.get_by_role("alert").inner_text() == "This package has no class no such class."


@pytest.fixture(scope="module")
def demo(simulated: Path, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the demo's report, as the demo does.

    Its WORK and sources are given, with all that they still hold.
    """
    out = tmp_path_factory.mktemp("demo") / "report"
    return write_explorer(str(built), out, Wanted(work=f"{built}.work", data=str(simulated), samples=SAMPLES))


def test_the_report_of_the_demo_is_used(browser: Any, demo: Path) -> None:
    with watched(browser, demo) as page:
        use(page)


@pytest.mark.real
def test_the_report_of_real_images_is_used(browser: Any, real_built: Path, tmp_path: Path) -> None:
    page_file = write_explorer(str(real_built), tmp_path / "report", Wanted(work=f"{real_built}.work", samples=4))
    with watched(browser, page_file) as page:
        use(page)


def test_what_was_refused_is_shown(browser: Any, demo: Path, built: Path) -> None:
    """What was left out comes from WORK.

    What was refused comes from the sources.
    """
    counts = json.loads((built / "manifest.json").read_bytes())["report"]["rejects"]
    with watched(browser, demo) as page:
        go(page, demo.parent, "#/dropped")
        for reason in ("over_class_size", "crop_blank"):
            panel = page.locator(f"#reason-{reason}")
            heading = panel.locator(".strip h3").first.inner_text()
            assert heading == f"Refused {min(16, counts[reason])} of {counts[reason]}"
            assert panel.locator(".strip").first.locator("li [role=img]").count() == min(16, counts[reason])
            assert "--data" not in panel.inner_text()
        blank = page.locator("#reason-crop_blank")
        assert blank.locator(".strip h3").nth(1).inner_text() == "Barely kept nearest to the limit, by contrast"
        blank.get_by_text("by name").click()
        assert blank.locator("tbody tr").count() == counts["crop_blank"]


def test_a_crop_of_a_source_at_hand_is_framed_in_its_source_image(browser: Any, demo: Path) -> None:
    with watched(browser, demo) as page:
        sizes = data(demo.parent, "wholes")
        classes = data(demo.parent, "index")["classes"]
        number, place, row = next(
            (number, place, row)
            for number in range(len(classes["names"]))
            for place, row in enumerate(rows_of_class(demo.parent, number))
            if row["crop"] and row["idx"] in sizes
        )
        go(page, demo.parent, f"#/class/{classes['categories'][number]}/{classes['names'][number]}?example={place}")
        frame = page.locator("dialog .frame")
        assert frame.locator("image").get_attribute("href") == f"wholes/{row['idx']}.jpg"
        assert (demo.parent / f"wholes/{row['idx']}.jpg").is_file()
        width, height = sizes[row["idx"]]
        assert frame.locator("svg").get_attribute("viewBox") == f"0 0 {width} {height}"
        window = frame.locator("rect.window")
        assert int(window.get_attribute("width")) == row["x_max"] - row["x_min"] == round(width * row["scaling"])


def rows_of_class(folder: Path, number: int) -> list[dict[str, Any]]:
    page = data(folder, f"c{number:05d}")
    return [dict(zip(page["columns"], row, strict=True)) for row in page["rows"]]
