"""torchvision and timm beside any PyTorch."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import pytest

_OPERATORS = ("nms", "qnms")  # those whose names torchvision wants when it is imported
_declared: list[Any] = []


def import_vision(name: str) -> Any:
    """Import a module that needs torchvision, or skip the test.

    A package index has torchvision for a PyTorch with CUDA. Beside one for the CPU its compiled operators, which are
    for detection, cannot be loaded, and importing it fails at their names. No transform uses them.
    """
    for package in ("torchvision", name.partition(".")[0]):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    try:
        return importlib.import_module(name)
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for operator in _OPERATORS:
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)  # what it declares lasts as long as it does
    return importlib.import_module(name)
