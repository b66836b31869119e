"""``cytoimagenet.py`` as a module that has no reader.

It is a module of this process.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest

import cytoimagenet

SCRIPT = Path(cytoimagenet.__file__)
NAME = "script_alone"


def load_script() -> Any:
    """Return the module; datasets finds it in ``sys.modules`` by NAME."""
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(NAME, SCRIPT)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[NAME] = importlib.util.module_from_spec(spec)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "cytoimagenet_reader", None)  # an import of it says that there is no such module
            spec.loader.exec_module(module)
        assert module._alone
    return sys.modules[NAME]


def read_all(script: Any, folder: Path | str, **conditions: Any) -> int:
    """Stream a package without decoding; return the number of rows."""
    builder = script.CytoImageNet("full", data_dir=folder, **conditions)
    splits = builder._splits.arguments(datasets.StreamingDownloadManager())
    return sum(1 for split in splits.values() for _ in builder._splits.examples(builder.info.features, **split))
