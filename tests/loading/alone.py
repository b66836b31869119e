"""Loads a package by ``cytoimagenet.py`` alone; writes down the rows.

    python alone.py SCRIPT PACKAGE CACHE OUT

``test_script`` runs it as a program. SCRIPT is a copy of the file in a folder of its own. With ``datasets`` 3 it is run
by ``load_dataset(..., trust_remote_code=True)``, else its class is used. The reader cannot be imported here, nor the
builder. This program imports nothing of the project, so that any interpreter with ``datasets`` runs it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

WAYS: list[tuple[str, dict[str, Any]]] = [
    ("full", {}),
    ("organism", {}),
    ("phenotype", {}),
    ("compound", {"columns": ["label", "filename"]}),
    ("full", {"labels": ["human", "taxol"]}),
    ("full", {"labels": "taxol", "crops": True}),
    ("full", {"sources": ["idr0080"], "columns": ["filename", "image"]}),
    ("full", {"databases": ["BBBC", "IDR"], "crops": False}),
    ("compound", {"microscopy": ["brightfield"]}),
    ("phenotype", {"licenses": ["CC0-1.0"]}),
    ("full", {"commercial_use": True}),
    ("full", {"crops": False}),
    ("organism", {"where": {"z": [0, 2], "pixel_size_um": {"min": 0.325, "max": 0.7}}}),
    ("compound", {"label_ids": "full"}),
    ("full", {"labels": ["human", "taxol"], "label_ids": "full"}),
]
"""Configs and conditions on packages of ``made_package``."""

PREPARED = WAYS[::3]
"""Those that are not only streamed, but prepared too, which takes the longest."""

MISTAKES: list[tuple[str, dict[str, Any]]] = [
    ("gene", {}),
    ("full", {"labels": ["human", "humn"]}),
    ("full", {"columns": ["imge"]}),
    ("full", {"databases": ["BBBC"], "licenses": ["CC-BY-4.0"]}),
]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row that JSON can hold.

    Of an image it keeps the path and a hash of its bytes.
    """
    if "image" in row:
        image = row["image"]
        row = {**row, "image": [image["path"], hashlib.sha256(image["bytes"]).hexdigest()]}
    return row


def written_down(dataset: Any) -> list[Any]:
    """Return a dataset's features and its undecoded rows, in order."""
    import datasets

    features = repr(sorted(dataset.features.items()))
    if "image" in dataset.features:
        dataset = dataset.cast_column("image", datasets.Image(decode=False))
    return [features, [plain(row) for row in dataset]]


def found(load: Any, package: str) -> dict[str, Any]:
    """Return what every way of loading gives, by name.

    ``load(config, streaming=, **conditions)`` gives the splits.
    """
    out: dict[str, Any] = {}
    for config, conditions in WAYS:
        for streaming in (True, False) if (config, conditions) in PREPARED else (True,):
            splits = load(config, streaming=streaming, **conditions)
            for split, dataset in splits.items():
                out[f"{config} {conditions} {streaming} {split}"] = written_down(dataset)
    for config, conditions in MISTAKES:
        try:
            load(config, streaming=True, **conditions)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is compared
            out[f"mistake {config} {conditions}"] = f"{type(error).__name__}: {error}".replace(package, "PACKAGE")
    return out


def by_class(module: Any, package: str, cache: str) -> Any:
    """Return a function for ``found`` that uses a module's class."""

    def load(config: str, streaming: bool, **conditions: Any) -> dict[str, Any]:
        builder = module.CytoImageNet(config, data_dir=package, cache_dir=cache, **conditions)
        if streaming:
            return dict(builder.as_streaming_dataset())
        builder.download_and_prepare()
        return dict(builder.as_dataset())

    return load


class Absent:
    """Makes imports fail as if the project were not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] in ("cytoimagenet_reader", "builder"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main(script: str, package: str, cache: str, out: str) -> None:
    import datasets

    sys.meta_path.insert(0, Absent())
    datasets.disable_progress_bars()
    if datasets.__version__ < "4":

        def load(config: str, streaming: bool, **conditions: Any) -> Any:
            return datasets.load_dataset(
                script,
                config,
                data_dir=package,
                cache_dir=cache,
                streaming=streaming,
                trust_remote_code=True,
                **conditions,
            )
    else:
        sys.path.insert(0, str(Path(script).parent))
        import cytoimagenet

        assert cytoimagenet.__file__ == script, cytoimagenet.__file__
        load = by_class(cytoimagenet, package, cache)
        for name in ("open", "loader", "decode"):
            try:
                getattr(cytoimagenet, name)
                said = "nothing"
            except ImportError as error:
                said = str(error)
            assert said.endswith("pip install cytoimagenet"), (name, said)
    Path(out).write_text(json.dumps(found(load, package)))


if __name__ == "__main__":
    main(*sys.argv[1:])
