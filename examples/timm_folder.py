"""A trained EfficientNetB0 as a folder that timm loads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

ARCHITECTURE = "tf_efficientnet_b0"  # timm's name of the network with the reference's padding and normalisation
STAGES = (1, 2, 2, 3, 3, 4, 1)  # blocks of each (arXiv 1905.11946, table 1)
OUTER = {
    "embeddings.convolution": "conv_stem",
    "embeddings.batchnorm": "bn1",
    "encoder.top_conv": "conv_head",
    "encoder.top_bn": "bn2",
}
FIRST = {  # of the first block, which does not expand
    "depthwise_conv.depthwise_conv": "conv_dw",
    "depthwise_conv.depthwise_norm": "bn1",
    "projection.project_conv": "conv_pw",
    "projection.project_bn": "bn2",
}
OTHERS = {
    "expansion.expand_conv": "conv_pw",
    "expansion.expand_bn": "bn1",
    "depthwise_conv.depthwise_conv": "conv_dw",
    "depthwise_conv.depthwise_norm": "bn2",
    "projection.project_conv": "conv_pwl",
    "projection.project_bn": "bn3",
}
SQUEEZE = {"squeeze_excite.reduce": "se.conv_reduce", "squeeze_excite.expand": "se.conv_expand"}


def timm_name(name: str) -> str:
    """Return timm's name of a weight of transformers' EfficientNetB0."""
    module, weight = name.removeprefix("efficientnet.").rsplit(".", 1)
    if block := re.fullmatch(r"encoder\.blocks\.(\d+)\.(.+)", module):
        number = int(block[1])
        stage = next(stage for stage in range(len(STAGES)) if number < sum(STAGES[: stage + 1]))
        names = SQUEEZE | (OTHERS if number else FIRST)
        return f"blocks.{stage}.{number - sum(STAGES[:stage])}.{names[block[2]]}.{weight}"
    return f"{OUTER.get(module, module)}.{weight}"


def save_for_timm(model: Any, folder: Path, classes: list[str], size: int) -> None:
    """Write ``config.json`` and ``model.safetensors``, as timm's ``save_for_hf`` lays them out.

    The two networks differ in one point: at sizes that are no multiples of 32, some padding lies on another side.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {timm_name(name): value.contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    half = [0.5, 0.5, 0.5]  # pixels from 0 to 1 become -1 to 1, as in ``pretrain.as_input``
    config = {
        "architecture": ARCHITECTURE,
        "num_classes": len(classes),
        "num_features": model.config.hidden_dim,
        "label_names": classes,
        "pretrained_cfg": {
            "input_size": [3, size, size],
            "fixed_input_size": False,
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "mean": half,
            "std": half,
            "num_classes": len(classes),
            "pool_size": [-(-size // 32)] * 2,
            "first_conv": "conv_stem",
            "classifier": "classifier",
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1), "utf-8")
