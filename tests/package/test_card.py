"""The card as `datasets` reads it.

Every config loads by the folder's bare name; its labels are its own integers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import datasets
import pytest
import tomllib
import yaml
from datasets import ClassLabel, Features, Image, Value, load_dataset
from markdown_it import MarkdownIt

from builder.errors import UserError
from builder.package.card import recipe_settings, render_card, size_category
from builder.package.features import features_of
from builder.package.results import classes_sha256, results_of
from builder.recipe import Recipe
from tests.package.made import CLASSES, RECIPE, make_package


def front(folder: Path) -> dict[str, object]:
    text = (folder / "README.md").read_text("utf-8")
    loaded: dict[str, object] = yaml.safe_load(text.split("---\n")[1])
    return loaded


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
@pytest.mark.parametrize("streaming", [False, True])
def test_every_config_loads_by_bare_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str, streaming: bool
) -> None:
    make_package(tmp_path / "cytoimagenet", file_format=file_format)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    everything = {name for names in CLASSES.values() for name in names}
    for config in (None, "organism", "compound", "gene", "metadata"):
        loaded = load_dataset("cytoimagenet", config, streaming=streaming, cache_dir=str(tmp_path / "cache"))
        wanted = everything if config in (None, "metadata") else set(CLASSES[config])
        for split, each in (("train", 8), ("validation", 2)):
            label = loaded[split].features["label"]
            rows = list(loaded[split])
            if config == "metadata":
                assert "image" not in rows[0]
                assert Counter(row["label"] for row in rows) == dict.fromkeys(wanted, each)
                continue
            assert label.names == sorted(everything if file_format == "parquet" else wanted)
            assert Counter(label.int2str(row["label"]) for row in rows) == dict.fromkeys(wanted, each)
            for row in rows:
                assert label.int2str(row["label"]) in row[row["category"]].split("|")
                assert row["image"].mode == "L"


def test_features_are_written_as_datasets_writes_them() -> None:
    names = ["0", "yes", "β"]
    ours = features_of("full", names)
    theirs = Features(
        {
            feature["name"]: Image()
            if feature["dtype"] == "image"
            else ClassLabel(names=names)
            if feature["name"] == "label"
            else Value(feature["dtype"])
            for feature in ours
        }
    )
    assert ours == theirs._to_yaml_list()


def test_the_front_matter_is_short(made: Path) -> None:
    """Plain-text viewers then show the card without much scrolling.

    Its lines grow with configs and classes, not with columns.
    """
    lines = (made / "README.md").read_text("utf-8").split("---\n")[1].splitlines()
    assert max(map(len, lines)) < 200
    assert len(lines) < 15 + 25 * 5


def test_results_are_a_table_only_where_there_are_some(made: Path) -> None:
    manifest, index = (json.loads((made / f"{name}.json").read_bytes()) for name in ("manifest", "classes"))
    assert "Baseline" not in render_card(manifest, index)
    result = {
        "protocol": "cyclops",
        "what": "leave-one-out 11-NN",
        "right": 8,
        "of": 10,
        "channels": "merged",
        "normalized": True,
        "checkpoint": "ab" * 32,
        "classes": classes_sha256(index["gene"]["names"]),
    }
    other = {**result, "classes": classes_sha256(["something", "else"])}
    manifest["report"]["results"] = results_of(json.dumps([result, other]).encode(), index)
    (row,) = [line for line in render_card(manifest, index).splitlines() if line.startswith("| cyclops ")]
    assert "| `gene` | merged | normalised | 80.0 % [49.0, 94.3] | 8 of 10 | `abababababab` |" in row


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{", "no JSON"), (b"{}", "no list"), (b"[1]", "entry 1"), (b'[{"protocol": "cyclops"}]', "entry 1")],
)
def test_what_is_no_result_is_one_line(content: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        results_of(content, {})


def test_full_is_first_and_default_and_counts_are_those_of_the_files(made: Path) -> None:
    stated = front(made)
    configs = stated["configs"]
    assert isinstance(configs, list)
    assert [config["config_name"] for config in configs] == ["full", "organism", "compound", "gene", "metadata"]
    assert [config.get("default") for config in configs] == [True, None, None, None, None]
    files = json.loads((made / "manifest.json").read_bytes())["files"]
    for config, info in zip(configs, stated["dataset_info"], strict=True):  # type: ignore[call-overload]
        for data, split in zip(config["data_files"], info["splits"], strict=True):
            assert split["num_examples"] == sum(files[path]["rows"] for path in data["path"])
            assert split["num_bytes"] == sum((made / path).stat().st_size for path in data["path"])


def test_a_mixed_set_has_no_single_licence_and_a_simulated_one_says_so_first(tmp_path: Path, made: Path) -> None:
    assert front(made)["license"] == "other"
    make_package(tmp_path / "cytoimagenet", simulated=True)
    stated = front(tmp_path / "cytoimagenet")
    assert stated["license"] == "cc0-1.0"
    assert "simulated" in stated["tags"]  # type: ignore[operator]
    text = (tmp_path / "cytoimagenet/README.md").read_text("utf-8").split("---\n", 2)[2]
    assert text.strip().splitlines()[0] == "# CytoImageNet (SIMULATED)"
    assert "SIMULATED" in text.splitlines()[3]


def test_tables_survive_names_with_signs_of_markdown(tmp_path: Path) -> None:
    make_package(tmp_path / "cytoimagenet", classes={"gene": ("a <b> c", "![i](http://x.y/z.png)", "p|q")})
    text = (tmp_path / "cytoimagenet/README.md").read_text("utf-8")
    assert r"a \<b\> c (10)" in text
    page = text.split("---\n", 2)[2]
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    inside = [child for token in tokens for child in token.children or []]
    images = [child.attrs["src"] for child in inside if child.type == "image"]
    assert images
    assert all(str(source).startswith("figures/") for source in images)
    assert "x.y" not in "".join(str(child.attrs.get("href")) for child in inside if child.type == "link_open")
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_the_card_gives_the_recipe_to_rebuild_with() -> None:
    recipe = Recipe.of(RECIPE.as_dict() | {"rename_labels": {"β": "b 'x'"}, "scalings": [0.5]})
    lines = recipe_settings(recipe.as_dict())
    assert Recipe.of(tomllib.loads("\n".join(lines))) == recipe


@pytest.mark.parametrize(
    ("images", "category"), [(999, "n<1K"), (1000, "1K<n<10K"), (890_737, "100K<n<1M"), (1_000_000, "1M<n<10M")]
)
def test_size_categories(images: int, category: str) -> None:
    assert size_category(images) == category


def test_the_card_says_what_the_departures_changed(made: Path) -> None:
    manifest, index = (json.loads((made / name).read_bytes()) for name in ("manifest.json", "classes.json"))
    counts = {"single_objects_whole": 1234, "redrawn": 56, "blank": 7, "dim_kept": 89, "dim": 10}
    manifest["report"]["departures"] = counts
    page = render_card(manifest, index)
    for text in ("1,234 images kept whole", "56 examples are of a window drawn again; 7 windows refused"):
        assert text in page
    assert "89 images kept that are dim as a whole; 10 refused" in page
    manifest["recipe"] = Recipe(method="paper").as_dict()
    page = render_card(manifest, index)
    assert page.count("| off |") == 2
    assert "| off; 10 images refused |" in page
