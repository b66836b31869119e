"""Pixel mean and standard deviation, as a manifest states them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from builder.engine.store import Store
from builder.package.intensity import Intensity, by_config
from builder.package.reformat import reformat
from builder.package.verify import verify
from tests.package.made import make_package
from tests.package.test_verify import reseal

IMAGES = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9))


def figures(images: list[np.ndarray[Any, Any]]) -> tuple[float, float]:
    """Return the pixels' mean and standard deviation, plainly computed.

    Pixels are in [0, 1]; each image has the same weight.
    """
    mean = sum((image / 255).mean() for image in images) / len(images)
    variance = sum(((image / 255 - mean) ** 2).mean() for image in images) / len(images)
    return mean, variance**0.5


def facts(images: list[np.ndarray[Any, Any]], config: str, split: str) -> dict[str, Any]:
    intensity = Intensity()
    for image in images:
        intensity.add(image)
    return {"rows": len(images), "config": config, "split": split, **intensity.facts()}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(IMAGES, st.integers(0, 3)), min_size=1, max_size=12))
def test_figures_are_those_of_all_images_however_they_are_shared_out(dealt: list[Any]) -> None:
    places = [("gene", 0), ("gene", 1), ("sirna", 0), ("sirna", 1)]
    files = {}
    for place, (config, number) in enumerate(places):
        if images := [image for image, where in dealt if where == place]:
            files[f"data/{config}/train-{number:05d}-of-00002.arrow"] = facts(images, config, "train")
    files["data/gene/validation-00000-of-00001.arrow"] = facts([np.full((3, 3), 255, np.uint8)], "gene", "validation")
    found = by_config(files)
    for config, wanted in (("full", (0, 1, 2, 3)), ("sirna", (2, 3))):
        images = [image for image, place in dealt if place in wanted]
        if images:
            mean, deviation = figures(images)
            assert found[config] == {"mean": pytest.approx(mean, abs=1e-6), "std": pytest.approx(deviation, abs=2e-6)}
        else:
            assert config not in found


def test_a_config_without_training_images_has_those_of_the_other_split() -> None:
    black, white = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    files = {
        "data/gene/train-00000-of-00001.arrow": facts([black], "gene", "train"),
        "data/sirna/validation-00000-of-00001.arrow": facts([white, black], "sirna", "validation"),
        "metadata.parquet": {"rows": 3},
    }
    assert by_config(files) == {
        "full": {"mean": 0.0, "std": 0.0},
        "gene": {"mean": 0.0, "std": 0.0},
        "sirna": {"mean": 0.5, "std": 0.5},
    }


def test_a_config_with_a_shard_of_old_has_none() -> None:
    files = {
        "data/gene/train-00000-of-00001.arrow": facts([np.zeros((2, 2), np.uint8)], "gene", "train"),
        "data/sirna/train-00000-of-00001.arrow": {"rows": 2, "config": "sirna", "split": "train"},
    }
    assert list(by_config(files)) == ["gene"]


@pytest.mark.slow
def test_a_manifest_states_what_its_shards_hold_and_verify_tells(tmp_path: Path) -> None:
    package, parquet = tmp_path / "cytoimagenet", tmp_path / "parquet"
    manifest = make_package(package)
    images: dict[str, list[np.ndarray[Any, Any]]] = {}
    for path in sorted(package.glob("data/*/train-*.arrow")):
        with pa.ipc.open_stream(path.read_bytes()) as reader:
            data = reader.read_all()["image"].to_pylist()
        images.setdefault(path.parent.name, []).extend(np.asarray(Image.open(io.BytesIO(one["bytes"]))) for one in data)
    images["full"] = [image for some in list(images.values()) for image in some]
    assert manifest["intensity"].keys() == images.keys()
    for config, some in images.items():
        mean, deviation = figures(some)
        wanted = {"mean": pytest.approx(mean, abs=1e-6), "std": pytest.approx(deviation, abs=2e-6)}
        assert manifest["intensity"][config] == wanted
    assert reformat(Store(str(package)), Store(str(parquet)), "parquet")["intensity"] == manifest["intensity"]
    assert verify(str(parquet), deep=True) == []

    reseal(package, lambda facts: facts["intensity"]["full"].update(mean=0.1))
    [problem] = verify(str(package))
    assert "another mean and standard deviation of pixels than its shards make" in problem.what

    def other_shard(facts: dict[str, Any]) -> None:
        shard = next(path for path in facts["files"] if path.startswith("data/"))
        facts["files"][shard]["intensity_mean"] += 0.01
        facts["intensity"] = by_config(facts["files"])

    reseal(package, other_shard)
    assert verify(str(package)) == []
    [problem] = verify(str(package), deep=True)
    assert "its pixels have another mean or mean square than the manifest says" in problem.what
