"""The hub's and its viewer's rules, checked on a package.

Where each stands in the sources of dataset-viewer and hub-docs: docs/hub.md.
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import yaml

from builder.engine.store import Store
from builder.hub.statistics import without_statistics
from builder.package.data_files import data_schema, whole_table
from builder.package.extras import extras_of
from builder.package.manifest import Manifest, read_class_index, read_manifest
from builder.package.problem import Problem
from cytoimagenet_reader import layout
from cytoimagenet_reader.class_labels import FEATURES_KEY

_PAGE_ROWS: Final = 100  # of a page of the viewer
_PAGE_BYTES: Final = 300_000_000  # read for a page at most
_FIRST_ROWS_BYTES: Final = 200_000  # of the answer with the first rows; features alone must be fewer
_FILES: Final = 100_000  # of a repository
_ENTRIES: Final = 10_000  # of a folder
_FILE_BYTES: Final = 200_000_000_000
_LICENSE_LINK: Final = re.compile(r"LICENSE(\.md)?|https?://\S+")


def hub_problems(package: Store) -> list[Problem]:
    """Return where a sound package breaks the hub's rules.

    Raises
    ------
    UserError
        Where there is no package.
    """
    manifest = read_manifest(package)
    card: dict[str, Any] = yaml.safe_load(package.read_bytes(layout.CARD).split(b"\n---\n")[0])
    return [
        *_files(manifest),
        *_pages(manifest),
        *_license(card),
        *_snippets(card, manifest),
        *_features(package, card, manifest),
    ]


def yaml_bytes(package: Store) -> int:
    """Return the size of the card's YAML."""
    return len(package.read_bytes(layout.CARD).split(b"\n---\n")[0])


def _files(manifest: Manifest) -> Iterator[Problem]:
    files = manifest["files"]
    if len(files) >= _FILES:
        yield Problem(layout.MANIFEST, f"lists {len(files):,} files; a repository should have fewer than {_FILES:,}")
    folders = sorted(path.rpartition("/")[0] for path in files)
    for folder, paths in itertools.groupby(folders):
        if (count := len(list(paths))) > _ENTRIES:
            yield Problem(f"{folder}/", f"has {count:,} files; the hub allows {_ENTRIES:,} in a folder")
    for path, facts in files.items():
        if facts["bytes"] >= _FILE_BYTES:
            yield Problem(path, "has 200 GB or more; the hub wants smaller files")


def _pages(manifest: Manifest) -> Iterator[Problem]:
    """Yield shards with a viewer's page that is too large."""
    for path, facts in manifest["files"].items():
        if not path.startswith(layout.DATA):
            continue
        rows = facts.get("batch_rows", [])
        if rows and max(rows) > _PAGE_ROWS:
            yield Problem(path, f"has {max(rows)} rows in a record batch; a page of the viewer has {_PAGE_ROWS}")
        bounds = [*facts.get("batch_offsets", []), facts.get("footer_offset", facts["bytes"])]
        largest = max((end - begin for begin, end in zip(bounds, bounds[2:], strict=False)), default=0)
        if largest > _PAGE_BYTES:  # a page lies in two row groups
            yield Problem(path, f"a page of the viewer reads {largest:,} bytes; it refuses more than {_PAGE_BYTES:,}")


def _license(card: Mapping[str, Any]) -> Iterator[Problem]:
    if card.get("license") == "other":
        if not card.get("license_name"):
            yield Problem(layout.CARD, "its YAML has license: other, and no license_name")
        if not _LICENSE_LINK.fullmatch(str(card.get("license_link"))):
            yield Problem(layout.CARD, "its license_link is neither LICENSE, LICENSE.md nor a URL")


def _snippets(card: Mapping[str, Any], manifest: Manifest) -> Iterator[Problem]:
    """Yield configs whose snippets would read other rows.

    Of what a card lists for a split, they read what the first entry names.
    """
    if manifest["format"] != "parquet":
        return
    for config in card["configs"]:
        for data in config["data_files"]:
            paths = [data["path"]] if isinstance(data["path"], str) else data["path"]
            found = fnmatch.filter(sorted(manifest["files"]), paths[0])
            wanted = layout.shards_of(manifest["files"], config["config_name"], data["split"])
            if found != wanted:
                what = f"its first path of {config['config_name']}, {data['split']} finds {len(found)} files"
                yield Problem(layout.CARD, f"{what}, not the {len(wanted)} of it in their order; snippets read no more")


def _features(package: Store, card: Mapping[str, Any], manifest: Manifest) -> Iterator[Problem]:
    """Yield configs whose features are not their files' types."""
    files = manifest["files"]
    for info in card["dataset_info"]:
        config = info["config_name"]
        if (size := len(json.dumps(info["features"]))) > _FIRST_ROWS_BYTES:
            yield Problem(layout.CARD, f"features of {config} have {size:,} bytes; the viewer shows no first rows")
        for split in layout.splits_of(files, config):
            path = layout.shards_of(files, config, split)[0]
            with package.open(path) as file:
                schema = data_schema(file, path)
            for what in _differences(info["features"], schema, manifest["format"]):
                yield Problem(path, f"{what}, as the card says of {config}")


def _differences(features: Sequence[Mapping[str, Any]], schema: pa.Schema, file_format: str) -> Iterator[str]:
    within = json.loads((schema.metadata or {}).get(FEATURES_KEY, b"{}")).get("info", {}).get("features", {})
    for feature in features:
        name, kind = feature["name"], feature["dtype"]
        found = str(schema.field(name).type).replace("double", "float64") if name in schema.names else "no column"
        if kind == "image":
            good = found == "struct<bytes: binary, path: string>" and within.get(name, {}).get("_type") == "Image"
        elif isinstance(kind, dict) and file_format == "parquet":
            names = list(kind["class_label"]["names"].values())
            good = found == "int64" and within.get(name, {}).get("names") == names
        else:  # of other formats the viewer makes Parquet, with the card's features
            stated = "string" if isinstance(kind, dict) else kind
            good = found == stated or (found, stated) == ("fixed_size_binary[32]", "binary")
        if not good:
            wanted = "a ClassLabel of these names" if isinstance(kind, dict) else kind
            yield f"its column {name} ({found}) is not {wanted}"


def hub_warnings(package: Store) -> Iterator[Problem]:
    """Yield splits of which the viewer computes no statistics."""
    index, extras = read_class_index(package), extras_of(read_manifest(package))
    with package.open(layout.METADATA_TABLE) as file:
        table = whole_table(file)
    for config in (*index, layout.METADATA_CONFIG):
        for split in layout.SPLITS:
            for column in without_statistics(table, config, split, extras):
                yield Problem(
                    layout.METADATA_TABLE,
                    f"{config}, {split}: the viewer fails at the statistics of {column}, which has two neighbouring "
                    "values or lengths and no other; all but the statistics is shown",
                )
