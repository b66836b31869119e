"""The dataset card, ``README.md``.

YAML that the hub and ``datasets`` read, and a page for people. Metadata fields:
https://github.com/huggingface/hub-docs/blob/main/datasetcard.md; sections as in the hub's template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import jinja2
import yaml

from builder.engine.store import Store
from builder.escape import markdown, markdown_url
from builder.package.extras import extras_of
from builder.package.features import features_of
from builder.package.identity import identity_of
from builder.package.manifest import ClassIndex, Manifest
from builder.package.results import wilson
from builder.recipe import Recipe
from builder.templates import template_folder
from cytoimagenet_reader import layout

TEMPLATE: Final = "README.md.j2"
_SHOWN_CLASSES: Final = 12
_WIDTH: Final = 120  # characters of a line of YAML
_SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_HUB_LICENSES: Final = {
    "CC0-1.0": "cc0-1.0",
    "CC-BY-3.0": "cc-by-3.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-3.0": "cc-by-sa-3.0",
    "CC-BY-NC-4.0": "cc-by-nc-4.0",
    "CC-BY-NC-SA-3.0": "cc-by-nc-sa-3.0",
    "CC-BY-NC-SA-4.0": "cc-by-nc-sa-4.0",
    "CC-BY-NC-ND-4.0": "cc-by-nc-nd-4.0",
}
"""SPDX id -> the hub's name of it, see https://huggingface.co/docs/hub/repositories-licenses."""


class _OneLine(list[Any]):
    """A list that YAML writes on one line.

    As ``[{name: idx, dtype: string}, …]``.
    """


class _Dumper(yaml.SafeDumper):
    """YAML dumper that indents lists like the hub's own cards."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_Dumper.add_representer(
    _OneLine, lambda dumper, values: dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)
)


def write_card(package: Store, manifest: Manifest, index: ClassIndex) -> bytes:
    """Write ``README.md`` and return its bytes.

    Raises
    ------
    UserError
        Where the template is not installed with the package.
    """
    card = render_card(manifest, index).encode()
    package.write_bytes(layout.CARD, card)
    return card


def render_card(manifest: Manifest, index: ClassIndex) -> str:
    """Return the card's text.

    It depends on the manifest and the class index alone.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["cell"] = markdown
    environment.filters["link"] = markdown_url
    environment.filters["thousands"] = "{:,}".format
    page = environment.get_template(TEMPLATE).render(
        m=manifest,
        own=identity_of(manifest),
        classes=index,
        counts=split_counts(index),
        top=_largest(index),
        figures=[path for path in manifest["files"] if path.startswith(layout.FIGURES)],
        settings=recipe_settings(manifest["recipe"]),
        results=[_scored(result) for result in manifest["report"].get("results", ())],
    )
    return f"---\n{_yaml(front_matter(manifest, index))}---\n\n{page}"


def _yaml(front: Mapping[str, Any]) -> str:
    """Return the front matter as YAML, in few lines.

    A page of columns would come before every card otherwise.
    """
    text: str = yaml.dump(
        dict(front), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=_WIDTH
    )
    return text


def _scored(result: Mapping[str, Any]) -> dict[str, Any]:
    low, high = wilson(result["right"], result["of"])
    return {**result, "share": result["right"] / result["of"], "low": low, "high": high}


def split_counts(index: ClassIndex) -> dict[str, dict[str, int]]:
    """Return config -> split -> number of images."""
    return {
        config: {split: sum(counts.values()) for split, counts in entry["counts"].items()}
        for config, entry in index.items()
    }


def recipe_settings(recipe: Mapping[str, Any]) -> list[str]:
    """Return the TOML lines of a recipe's non-default settings."""
    usual = Recipe().as_dict()
    return [f"{key} = {_toml(value)}" for key, value in recipe.items() if value != usual.get(key)]


def front_matter(manifest: Manifest, index: ClassIndex) -> dict[str, Any]:
    """Return the card's YAML as plain values."""
    files = manifest["files"]
    wanted = [*index, layout.METADATA_CONFIG]
    identity = identity_of(manifest)
    return {
        "pretty_name": f"{identity.name} (simulated)" if manifest["simulated"] else identity.name,
        **_license(manifest),
        "task_categories": ["image-classification", "image-feature-extraction"],
        "size_categories": [size_category(manifest["images"])],
        "annotations_creators": ["machine-generated"],
        "source_datasets": [f"extended|other-{source['dir_name']}" for source in manifest["sources"]],
        "tags": list(identity.tags),
        "configs": [_config(config, files) for config in wanted],
        "dataset_info": [_info(config, manifest, index) for config in wanted],
    }


def size_category(images: int) -> str:
    """Return the hub's size category of so many images."""
    return next((name for below, name in _SIZES if images < below), "1M<n<10M")


def _license(manifest: Manifest) -> dict[str, str]:
    if own := identity_of(manifest).license:
        if own in _HUB_LICENSES:
            return {"license": _HUB_LICENSES[own]}
        return {"license": "other", "license_name": own, "license_link": layout.LICENSE_PAGE}
    ids = {source["license"] for source in manifest["sources"]}
    if len(ids) == 1 and (only := next(iter(ids))) in _HUB_LICENSES:
        return {"license": _HUB_LICENSES[only]}
    return {"license": "other", "license_name": "per-source", "license_link": layout.LICENSE_PAGE}


def _config(config: str, files: Mapping[str, Any]) -> dict[str, Any]:
    splits = layout.splits_of(files, config)
    data = [{"split": split, "path": layout.patterns_of(files, config, split)} for split in splits]
    default = {"default": True} if config == layout.FULL else {}
    return {"config_name": config, **default, "data_files": data}


def _info(config: str, manifest: Manifest, index: ClassIndex) -> dict[str, Any]:
    files = manifest["files"]
    numbering = layout.FULL if manifest["format"] == "parquet" else config  # its files hold numbers, see shard_schema
    names = index[numbering]["names"] if config in index else []
    splits = []
    for split in layout.splits_of(files, config):
        facts = [files[path] for path in layout.shards_of(files, config, split)]
        size, rows = (sum(fact[key] for fact in facts) for key in ("bytes", "rows"))
        splits.append({"name": split, "num_bytes": size, "num_examples": rows})
    total = sum(split["num_bytes"] for split in splits)
    return {
        "config_name": config,
        "features": _OneLine(features_of(config, names, extras_of(manifest))),
        "splits": _OneLine(splits),
        "download_size": total,
        "dataset_size": total,
    }


def _largest(index: ClassIndex) -> dict[str, list[tuple[str, int]]]:
    """Return each config's largest classes with their example counts.

    The largest comes first.
    """
    largest = {}
    for config, entry in index.items():
        totals = [(name, sum(counts[name] for counts in entry["counts"].values())) for name in entry["names"]]
        largest[config] = sorted(totals, key=lambda pair: (-pair[1], pair[0]))[:_SHOWN_CLASSES]
    return largest


def _toml(value: Any) -> str:
    """Return a plain value in TOML.

    Its strings, numbers and lists are written as in JSON.
    """
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
