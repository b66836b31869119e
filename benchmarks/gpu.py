"""Whether a GPU waits for the loader.

Measures images per second into a training step, against the step alone.

    python -m benchmarks.gpu [PACKAGE] [--batch-size 256] [--threads 16] [--seconds 20] [--models resnet50]

Of each model, 224 x 224, bfloat16, one GPU, three rates are printed:

loader    batches decoded, resized and copied to the GPU; no model
step      forward, backward and optimiser on one batch that stays on the GPU: the upper bound
training  both: the loader feeds the steps

``training / step`` is the share of the time in which the GPU works; 1.00 is the goal. Without PACKAGE, images of 300 x
300 are made up. Without a GPU it runs on the CPU, in small: it shows that it runs, and nothing else. It needs PyTorch
and transformers; with nvidia-ml-py it prints what the driver says of the GPU's utilisation too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", nargs="?")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--models", default="efficientnet_b0,resnet50")
    options = parser.parse_args()
    from benchmarks.gpu_training import run  # PyTorch and transformers: not for --help

    with tempfile.TemporaryDirectory() as folder:
        models = options.models.split(",")
        run(options.package, Path(folder), models, options.batch_size, options.threads, options.seconds)


if __name__ == "__main__":
    main()
