"""Sources whose groups are wrong.

What does the build do about it, and what does the audit find from the pixels alone?
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow

from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.errors import UserError
from builder.inspect.explain import explain, lines
from builder.package.report import report
from builder.package.verify import Findings, check
from builder.recipe import Recipe
from builder.sources import bbbc005, bbbc011
from builder.sources.base import Channel, Image
from builder.sources.common.folder import Folder
from builder.stages.context import BuildContext
from builder.stages.pipeline import build
from tests.pixels.test_alike import changed
from tests.pixels.test_thumbnail import texture

RECIPE = Recipe(min_images=5, class_size=60, min_class_size=5, validation_share=0.3, max_validation_share=0.9)
MODULES = (bbbc005, bbbc011)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str, str], str]], None]:
    """Make two sources whose groups the argument names.

    Their files are ``<label>_<specimen>_<number>.png``.
    """

    def patch(group_of: Callable[[str, str], str]) -> None:
        def images(folder: Folder) -> Iterator[Image]:
            for path in folder.paths(".png"):
                key = path.rpartition("/")[2].removesuffix(".png")
                label, specimen, _ = key.split("_")
                yield Image(key, (Channel(path, "nucleus"),), group_of(specimen, key), compound=label)

        for module in MODULES:
            plain = dataclasses.replace(module.SOURCE, images=images, constants={})
            monkeypatch.setattr(module, "SOURCE", plain)

    return patch


def write(root: Path, dir_name: str, label: str, specimen: str, number: int, pixels: np.ndarray) -> None:
    path = root / dir_name / f"{label}_{specimen}_{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(pixels).save(path)


def write_repeats(root: Path) -> None:
    """Write 24 specimens of two compounds, each imaged three times.

    At another focus, exposure and orientation.
    """
    rng = np.random.default_rng(0)
    for specimen in range(24):
        field = texture(specimen, 120, 130)
        for number in range(3):
            pixels = changed(field, rng) if number else field
            write(root, "bbbc005", "ab"[specimen % 2], str(specimen), number, pixels)


def built(root: Path, work: Path, recipe: Recipe = RECIPE) -> tuple[Path, dict[str, Any], Findings]:
    context = BuildContext(str(root), Store(str(work / "work")), recipe, RunSettings(workers=0))
    manifest = build(context, Store(str(work / "package")))
    return work / "package", manifest, check(str(work / "package"), deep=True)


def sides(package: Path) -> dict[str, set[str]]:
    """Specimen -> the sides that hold images of it."""
    keys = key_of(package)
    found: dict[str, set[str]] = {}
    for row in pq.read_table(package / "metadata.parquet").to_pylist():
        found.setdefault(keys[row["idx"]].split("_")[1], set()).add(row["split"])
    return found


def key_of(package: Path) -> dict[str, str]:
    tables = (package.parent / "work" / "annotations").glob("*.parquet")
    return {row["idx"]: row["key"] for path in tables for row in pq.read_table(path).to_pylist()}


def test_a_wrong_group_is_found_from_the_pixels(sources: Callable[[Any], None], tmp_path: Path) -> None:
    write_repeats(tmp_path / "data")
    sources(lambda specimen, key: key)
    package, _, found = built(tmp_path / "data", tmp_path / "wrong")
    split = [specimen for specimen, both in sides(package).items() if len(both) == 2]
    assert len(split) > 5  # what the wrong group does
    assert found.problems == []
    keys = key_of(package)
    named = [[word for word in warning.what.split() if word in keys] for warning in found.warnings]
    pairs = [tuple(keys[idx].split("_")[1] for idx in pair) for pair in named]
    assert all(len(pair) == 2 and pair[0] == pair[1] for pair in pairs)  # no false alarm
    assert len({pair[0] for pair in pairs}) >= 0.8 * len(split)
    page = report(str(package))
    assert page.count("data:image/jpeg") > 2 * min(len(pairs), 40)

    sources(lambda specimen, key: specimen)
    package, _, found = built(tmp_path / "data", tmp_path / "right")
    assert found == Findings([], [])
    assert all(len(both) == 1 for both in sides(package).values())


def test_near_duplicates_can_be_merged_when_the_package_is_built(
    sources: Callable[[Any], None], tmp_path: Path
) -> None:
    write_repeats(tmp_path / "data")
    sources(lambda specimen, key: key)
    recipe = dataclasses.replace(RECIPE, near_duplicates="merge_groups")
    _, manifest, found = built(tmp_path / "data", tmp_path / "merged", recipe)
    assert found == Findings([], [])
    merged = manifest["report"]["split"]["merged_alike"]
    assert merged["groups"] > merged["units"] > 10  # wherever the split falls, not just across it


def test_copies_of_images_that_are_cut_are_kept_once(sources: Callable[[Any], None], tmp_path: Path) -> None:
    """20 fields in two sources; half the copies are rotated.

    They are under two compounds, in groups of their own.
    """
    for specimen in range(20):
        field = texture(specimen, 160, 170)
        write(tmp_path / "data", "bbbc005", "a", f"x{specimen}", 0, field)
        copy = np.ascontiguousarray(np.rot90(field)) if specimen % 2 else field
        write(tmp_path / "data", "bbbc011", "b", f"y{specimen}", 0, copy)
        write(tmp_path / "data", "bbbc011", "b", f"z{specimen}", 0, texture(100 + specimen, 160, 170))
    sources(lambda specimen, key: specimen)
    package, manifest, found = built(tmp_path / "data", tmp_path / "out")
    assert found == Findings([], [])
    rows = pq.read_table(package / "metadata.parquet").to_pylist()
    assert any(row["crop"] for row in rows)
    keys = {key_of(package)[row["idx"]].split("_")[1] for row in rows}
    assert len(keys) == 40
    assert all((f"x{n}" in keys) != (f"y{n}" in keys) for n in range(20))
    merged = manifest["report"]["split"]["merged_groups"]
    assert (merged["groups"], merged["units"]) == (40, 20)
    prints = pq.read_table(package / "fingerprints.parquet")
    assert sorted(prints["sha256"].to_pylist()) == sorted({row["sha256"] for row in rows})


def test_every_image_is_explained(sources: Callable[[Any], None], tmp_path: Path) -> None:
    """Three classes: one too large, one faulty, one too rare.

    Of 70 images 60 are drawn; of 30 one is dim and one broken; the rare compound has three.
    """
    for specimen in range(70):
        write(tmp_path / "data", "bbbc005", "large", str(specimen), 0, texture(specimen, 60, 60))
    for specimen in range(28):
        write(tmp_path / "data", "bbbc011", "small", str(specimen), 0, texture(200 + specimen, 60, 60))
    write(tmp_path / "data", "bbbc011", "small", "dim", 0, np.pad(texture(300, 8, 8), 30))
    (tmp_path / "data" / "bbbc011" / "small_broken_0.png").write_bytes(b"no image")
    for specimen in range(3):
        write(tmp_path / "data", "bbbc011", "rare", str(specimen), 0, texture(400 + specimen, 60, 60))
    sources(lambda specimen, key: key)
    package, manifest, found = built(tmp_path / "data", tmp_path / "out")
    assert found.problems == []
    accounts = manifest["report"]["accounts"]
    assert accounts == {
        "in_package": 60 + 28,
        "refused": {"dim": 1, "unreadable": 1},
        "not_drawn": 10,
        "no_class": 3,
        "annotated": 103,
    }
    work = Store(str(tmp_path / "out" / "work"))
    outcomes: dict[str, int] = {}
    for idx, key in key_of(package).items():
        one = explain(work, Store(str(package)), idx, RECIPE)
        json.dumps(one)
        assert one["key"] == key
        assert (one["label"] is None) == (one["outcome"] in ("not drawn", "no class"))
        assert bool(one["examples"]) == (one["outcome"] == "in the package")
        assert any(key in line for line in lines(one))
        outcomes[one["outcome"]] = outcomes.get(one["outcome"], 0) + 1
    assert outcomes == {"in the package": 88, "dropped": 2, "not drawn": 10, "no class": 3}
    broken = explain(work, Store(str(package)), "small_broken_0", RECIPE)
    assert (broken["outcome"], broken["why"]) == ("dropped", "unreadable")
    assert broken["rejected"][0]["reason"] == "unreadable"
    rare = explain(work, Store(str(package)), "rare_0_0", RECIPE)
    assert rare["tokens"]["compound"][0]["label"] is None
    with pytest.raises(UserError, match="has the idx or key"):
        explain(work, Store(str(package)), "nobody", RECIPE)
