"""Use a report as its readers do, in Chromium.

The browser's errors and requests are watched.

Every view is visited, by mouse and by keyboard alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

QUIET: Final = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
OPTIONS: Final = ["--no-sandbox", "--disable-sync", *QUIET]
"""Of a Chromium that asks nothing of a network."""

DRAWN: Final = """() => {
  const map = document.querySelector("canvas");
  const pixels = map.getContext("2d").getImageData(0, 0, map.width, map.height).data;
  return pixels.filter((value, place) => place % 4 === 3 && value > 0).length;
}"""
_FACTS: Final = """() => {
  const { names, categories } = explorer.model().index.classes;
  return { names, categories, points: explorer.model().index.points };
}"""
_VIEWS: Final = {"Split": "split", "Tokens": "tokens", "Record": "record", "Dropped": "dropped", "Map": "map"}
_GROUND: Final = "getComputedStyle(document.body).backgroundColor"
_STEPS: Final = 100  # keys until something must have the focus
_LOOKS: Final = 600  # a tenth of a second apart


@contextlib.contextmanager
def watched(browser: Any, index: Path) -> Iterator[Any]:
    """Open a report; at the end, raise the browser's errors.

    A request to a network is an error, too.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request", lambda request: wrong.extend([] if request.url.startswith(("file:", "data:")) else [request.url])
    )
    page.on("requestfailed", lambda request: wrong.append(request.url))
    page.goto(index.as_uri())
    page.wait_for_selector(".card")
    try:
        yield page
    finally:
        context.close()
    assert not wrong


def use(page: Any) -> None:
    """Visit every view in light and dark.

    Search, filter, and open a class and an example by keyboard.
    """
    facts = page.evaluate(_FACTS)
    _search_and_filter(page, facts)
    _example_by_keyboard(page, facts["names"][-1])
    _look_at_each_view(page)
    _loop_on_the_map(page, facts["points"])
    light = page.evaluate(_GROUND)
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(_GROUND) != light
    _look_at_each_view(page)


def _look_at_each_view(page: Any) -> None:
    for name, view in _VIEWS.items():
        page.locator("#nav a").filter(has_text=name).click()
        page.wait_for_selector(f".view-{view}")
        _is_sound(page)
    assert page.evaluate(DRAWN) > 500, "the last of them is the map"


def _search_and_filter(page: Any, facts: dict[str, Any]) -> None:
    name, category = facts["names"][-1], facts["categories"][0]
    page.keyboard.press("/")
    page.keyboard.type(name)
    until(page, lambda: name in page.locator(".card-name").all_inner_texts())
    page.locator("#search").fill("")
    page.get_by_role("combobox", name="Category", exact=True).select_option(category)
    until(page, lambda: set(page.locator(".chip").all_inner_texts()) == {category.replace("_", " ")})
    count = facts["categories"].count(category)
    until(page, lambda: page.locator("#count").inner_text().startswith(f"{count:,} class"))
    page.get_by_role("combobox", name="Category", exact=True).select_option("")


def _example_by_keyboard(page: Any, name: str) -> None:
    page.keyboard.press("Escape")
    page.locator("#search").focus()
    page.keyboard.type(name)
    until(page, lambda: name in page.locator(".card-name").all_inner_texts())
    _tab_to(page, ".card a")
    chosen = page.evaluate("document.activeElement.querySelector('.card-name').textContent")
    page.keyboard.press("Enter")
    page.wait_for_selector(".view-class")
    assert page.locator("h1").inner_text() == chosen
    shown = page.locator(".samples button").count()
    _tab_to(page, ".samples button")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowLeft")
    dialog = page.locator("dialog")
    assert dialog.locator("h2").inner_text().endswith(f" of {shown}")
    idx = dialog.locator("dt:text-is('idx') + dd").inner_text()
    assert f" {idx} --data DATA --show" in dialog.locator("pre").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    _is_sound(page)


def _tab_to(page: Any, selector: str) -> None:
    for _ in range(_STEPS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{_STEPS} steps by keyboard do not lead to {selector}")


def _loop_on_the_map(page: Any, points: int) -> None:
    """Draw a loop around all points and compare their number."""
    box = page.locator("canvas").bounding_box()
    right, bottom = box["x"] + box["width"] - 8, box["y"] + box["height"] - 8
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    for x, y in ((right, box["y"] + 8), (right, bottom), (box["x"] + 8, bottom)):
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    page.wait_for_selector(".map-list .samples a")
    assert page.locator(".map-list h2").inner_text().startswith(f"{points:,} examples in the loop")


def until(page: Any, holds: Callable[[], bool]) -> None:
    """Wait until a condition holds.

    A view is drawn after the key that asks for it.
    """
    for _ in range(_LOOKS):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"it did not come to hold within {_LOOKS / 10:.0f} s")


def _is_sound(page: Any) -> None:
    """Fail where a view is not shown properly.

    It has no heading, or shows a missing value, or says that it cannot be shown.
    """
    assert page.locator("h1").count() == 1
    assert page.get_by_role("alert").count() == 0
    words = set(page.locator("main").inner_text().split())
    assert not words & {"null", "undefined", "NaN"}
