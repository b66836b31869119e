"""What a training run leaves for people to read.

Its curves, and the card of its model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

USES = {
    "transformers": 'AutoModelForImageClassification.from_pretrained("FOLDER")',
    "timm": 'timm.create_model("local-dir:FOLDER", pretrained=True)',
}


def model_card(options: argparse.Namespace, classes: list[str], history: list[dict[str, float]], library: str) -> str:
    """Return the card of a trained model.

    It says what the model was trained on, how, and how well it does.
    """
    figures = [name for name in history[-1] if name not in ("epoch", "seconds")]
    table = ["| epoch | " + " | ".join(figures) + " |", "| --- " * (len(figures) + 1) + "|"]
    table += [f"| {row['epoch']} | " + " | ".join(f"{row[name]:.4f}" for name in figures) + " |" for row in history]
    return f"""---
library_name: {library}
pipeline_tag: image-classification
tags: [microscopy]
---
# EfficientNet, pretrained on CytoImageNet

{len(classes)} classes of the config `{options.config}`. `{USES[library]}` loads it.

- input: {options.size} x {options.size} grey pixels, repeated to three channels, in [-1, 1]
- training: random first weights, examples turned by random angles, cross-entropy, Adam with learning rate
  {options.learning_rate}, batches of {options.batch_size} per process, seed {options.seed}

{chr(10).join(table)}

Labels are weak: they come from annotations of plates and wells, not of cells.
"""


def draw_curves(history: list[dict[str, float]], path: Path) -> None:
    """Draw loss and accuracy by epoch."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5))
    epochs = [row["epoch"] for row in history]
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        for split in ("train", "validation"):
            axis.plot(epochs, [row[f"{split}_{name}"] for row in history], marker=".", label=split)
        axis.set(xlabel="epoch", ylabel=name)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
