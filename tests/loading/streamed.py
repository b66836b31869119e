"""A package as a stream of ``datasets``, by the class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cytoimagenet import CytoImageNet


def streamed(package: Path, cache: Path, config: str, split: str = "train", **conditions: Any) -> Any:
    builder = CytoImageNet(config, data_dir=package, cache_dir=str(cache), **conditions)
    return builder.as_streaming_dataset(split=split)
