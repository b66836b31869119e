"""The paper's pretraining on a package (arXiv 2111.11646, section 3).

    python -m examples.pretrain PACKAGE --out runs/b0                 one GPU, or the CPU
    accelerate launch -m examples.pretrain PACKAGE --out runs/b0      several GPUs

EfficientNetB0 from random weights: 224 x 224 examples in batches of 64, rotated by random angles with reflected edges,
cross-entropy, Adam with learning rate 0.001, 24 epochs. PACKAGE is a folder or a URL, streamed by
``cytoimagenet.loader``. RUN holds ``last.pt``, from which ``--resume`` goes on at the very next batch, ``model/`` and
``timm/``, which transformers and timm load, ``curves.png``, ``curves.json`` and TensorBoard's logs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch.nn import functional
from tqdm import tqdm
from transformers import EfficientNetConfig, EfficientNetForImageClassification

import cytoimagenet
from examples.run_report import draw_curves, model_card
from examples.timm_folder import save_for_timm

KEPT = ("config", "size", "flip", "learning_rate", "width", "depth", "seed")  # options that a resumed run keeps
TOP = 7  # the paper also counts an example as right when its class is among the seven likeliest


def network(classes: int, size: int = 224, width: float = 1.0, depth: float = 1.0) -> torch.nn.Module:
    """Return a randomly initialised EfficientNetB0 (arXiv 1905.11946) for grey images."""
    config = EfficientNetConfig(
        num_labels=classes,
        image_size=size,
        width_coefficient=width,
        depth_coefficient=depth,
        hidden_dim=int(1280 * width),
        dropout_rate=0.2,
    )
    model = EfficientNetForImageClassification(config)
    model.apply(start)
    return model


def start(layer: torch.nn.Module) -> None:
    """Initialise a layer as the reference does.

    Weights have std sqrt(2 / fan_out), normalisation has scales of 1. The library draws every weight with std 0.02, the
    scales of batch normalisation too, so that nothing reaches the last layer; and its running statistics are those of
    the last batch alone.
    """
    if isinstance(layer, torch.nn.Conv2d):
        fan_out = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels // layer.groups
        torch.nn.init.normal_(layer.weight, 0.0, (2 / fan_out) ** 0.5)
    elif isinstance(layer, torch.nn.BatchNorm2d):
        torch.nn.init.ones_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        layer.momentum = 0.1


def as_input(images: torch.Tensor) -> torch.Tensor:
    """Convert uint8 (B,1,H,W) to float (B,3,H,W) in [-1,1]."""
    return (images.float() / 127.5 - 1).expand(-1, 3, -1, -1)


def turned(images: torch.Tensor, draw: torch.Generator, flip: bool = False) -> torch.Tensor:
    """Turn each image by its own angle, edges reflected.

    Float images (B, C, H, W), square; angles in [0, 360) degrees.

    With ``flip`` every other one, by chance, is mirrored before.
    """
    angle = torch.rand(len(images), generator=draw).to(images.device) * (2 * torch.pi)
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    side = torch.ones_like(angle)
    if flip:
        side -= 2 * torch.randint(2, (len(images),), generator=draw).to(images.device)
    matrix = torch.stack([torch.stack([side * cosine, -side * sine, zero], 1), torch.stack([sine, cosine, zero], 1)], 1)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def hits(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Count examples, top-1 and top-TOP hits, as float64 (3,)."""
    best = logits.topk(min(TOP, logits.shape[1]), 1).indices == labels[:, None]
    return torch.stack([torch.tensor(len(labels)).to(best.device), best[:, 0].sum(), best.sum()]).double()


class Run:
    """One training run: its network, data, history and checkpoints."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.out = Path(options.out)
        self.out.mkdir(parents=True, exist_ok=True)
        no_gpu = not (torch.cuda.is_available() or torch.backends.mps.is_available())
        mixed = "bf16" if torch.cuda.is_bf16_supported(False) else "no"
        # Unless it is told so, processes that torchrun starts without a GPU would each train alone, on all of the data.
        self.accelerator = Accelerator(mixed_precision=mixed, cpu=no_gpu)
        torch.manual_seed(options.seed)
        self.train = self._data("train", shuffle=True, drop_last=True)
        self.validation = self._data("validation", shuffle=False, drop_last=False)
        try:
            len(self.train)
        except ValueError as error:
            raise SystemExit(f"give a smaller --batch-size: {error}") from None
        model = network(len(self.train.classes), options.size, options.width, options.depth)
        optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate)
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.history: list[dict[str, float]] = []
        self.sums = self._zeros()
        self.steps = 0
        if options.resume and (self.out / "last.pt").exists():
            self._restore()

    def _data(self, split: str, shuffle: bool, drop_last: bool) -> cytoimagenet.Loader:
        return cytoimagenet.loader(
            self.options.package,
            self.options.config,
            split,
            batch_size=self.options.batch_size,
            size=self.options.size,
            threads=self.options.threads,
            seed=self.options.seed,
            shuffle=shuffle,
            drop_last=drop_last,
            rank=self.accelerator.process_index,
            world_size=self.accelerator.num_processes,
        )

    def _zeros(self) -> torch.Tensor:
        return torch.zeros(4, dtype=torch.float64, device=self.accelerator.device)  # examples, right, top, loss

    def epochs(self) -> None:
        """Train the remaining epochs; validate and save after each."""
        while (epoch := len(self.history)) < self.options.epochs:
            start = time.perf_counter()
            if self.train.epoch == epoch:  # else it was resumed after the epoch's last batch
                self._train()
            row = {"epoch": epoch + 1, **self._figures(self.sums, "train"), **self._validate()}
            row["seconds"] = time.perf_counter() - start
            self.history.append(row)
            self.sums = self._zeros()
            self.save()
            if self.accelerator.is_main_process:
                self._report(row)
                self.publish()

    def _train(self) -> None:
        self.model.train()
        left = len(self.train) - self.steps % len(self.train)
        progress = tqdm(self.train, f"epoch {len(self.history) + 1}", left, disable=not self._shows_progress())
        for images, labels in progress:
            draw = torch.Generator().manual_seed(self.options.seed * 1_000_003 + self.steps)
            labels = labels.to(self.accelerator.device)
            inputs = turned(as_input(images.to(self.accelerator.device)), draw, self.options.flip)
            with self.accelerator.autocast():
                logits = self.model(inputs).logits
                loss = functional.cross_entropy(logits, labels)
            self.optimizer.zero_grad()
            self.accelerator.backward(loss)
            self.optimizer.step()
            self.steps += 1
            self.sums += torch.cat([hits(logits.detach(), labels), loss.detach().double()[None] * len(labels)])
            if self.steps % 20 == 0 and not progress.disable:  # reading a figure waits for the GPU
                progress.set_postfix(loss=f"{loss.item():.3f}")
            if self.options.save_steps and self.steps % self.options.save_steps == 0:
                self.save()
            if self.steps == self.options.stop_after:
                self.save()
                raise SystemExit(f"stopped after {self.steps} steps, as asked")

    def _shows_progress(self) -> bool:
        return self.accelerator.is_main_process and sys.stderr.isatty()

    @torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]  # where torch is not installed
    def _validate(self) -> dict[str, float]:
        self.model.eval()
        sums = self._zeros()
        for images, labels in self.validation:
            labels = labels.to(self.accelerator.device)
            logits = self.accelerator.unwrap_model(self.model)(as_input(images.to(self.accelerator.device))).logits
            loss = functional.cross_entropy(logits, labels, reduction="sum")
            sums += torch.cat([hits(logits, labels), loss.double()[None]])
        return self._figures(sums, "validation")

    def _figures(self, sums: torch.Tensor, split: str) -> dict[str, float]:
        count, right, top, loss = self.accelerator.reduce(sums, "sum").tolist()
        values = {"loss": loss, "accuracy": right, f"top{TOP}": top}
        return {f"{split}_{name}": value / max(count, 1) for name, value in values.items()}

    def save(self) -> None:
        """Write ``last.pt``; all processes are at the same batch."""
        if self.accelerator.is_main_process:
            state = {
                "model": self.accelerator.unwrap_model(self.model).state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "history": self.history,
                "sums": self.sums.cpu(),
                "steps": self.steps,
                "loader": self.train.state_dict(),
                "random": torch.get_rng_state(),
                "classes": self.train.classes,
                "options": vars(self.options),
                "step_examples": self.options.batch_size * self.accelerator.num_processes,
            }
            torch.save(state, self.out / "last.tmp")
            (self.out / "last.tmp").replace(self.out / "last.pt")

    def publish(self) -> None:
        """Write ``model/`` for transformers and, of a whole B0, ``timm/``."""
        model = self.accelerator.unwrap_model(self.model)
        model.config.id2label = dict(enumerate(self.train.classes))
        model.config.label2id = {name: number for number, name in enumerate(self.train.classes)}
        model.save_pretrained(self.out / "model")
        libraries = {"model": "transformers"}
        if self.options.width == self.options.depth == 1:  # timm names no other
            save_for_timm(model, self.out / "timm", self.train.classes, self.options.size)
            libraries["timm"] = "timm"
        for folder, library in libraries.items():
            card = model_card(self.options, self.train.classes, self.history, library)
            (self.out / folder / "README.md").write_text(card, "utf-8")

    def _restore(self) -> None:
        state = torch.load(self.out / "last.pt", map_location=self.accelerator.device, weights_only=True)
        self._check_same(state)
        self.accelerator.unwrap_model(self.model).load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history, self.steps = state["history"], state["steps"]
        self.sums = state["sums"].to(self.accelerator.device)
        torch.set_rng_state(state["random"].cpu())

    def _check_same(self, state: dict[str, Any]) -> None:
        """Exit where this run cannot continue a saved one.

        Ranks may change, if a step sees as many examples.
        """
        stated, own = state["options"], vars(self.options)
        if changed := [f"--{name.replace('_', '-')} {stated[name]}" for name in KEPT if stated[name] != own[name]]:
            raise SystemExit(f"{self.out} is a run with {', '.join(changed)}: resume it so, or take another --out")
        step = self.options.batch_size * self.accelerator.num_processes
        if state["step_examples"] != step:
            raise SystemExit(
                f"{self.out} is a run of {state['step_examples']} examples a step, and this one of {step} "
                f"({self.accelerator.num_processes} processes): change --batch-size, or take another --out"
            )
        try:
            self.train.load_state_dict(state["loader"])
        except ValueError as error:
            raise SystemExit(f"{self.out} cannot be resumed with {self.options.package}: {error}") from None

    def _report(self, row: dict[str, float]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        print(" ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
        (self.out / "curves.json").write_text(json.dumps(self.history, indent=1))
        with SummaryWriter(str(self.out / "tensorboard"), purge_step=int(row["epoch"])) as log:
            for name, value in row.items():
                log.add_scalar(name, value, int(row["epoch"]))
        draw_curves(self.history, self.out / "curves.png")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package")
    parser.add_argument("--out", default="runs/pretrain")
    parser.add_argument("--config", default="full")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch-size", type=int, default=64, help="of each process")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument(
        "--flip", action="store_true", help="mirror every other example too, by chance; the paper does not"
    )
    parser.add_argument("--learning-rate", type=float, default=0.001)
    parser.add_argument("--width", type=float, default=1.0, help="EfficientNet's width coefficient; B0 has 1")
    parser.add_argument("--depth", type=float, default=1.0, help="EfficientNet's depth coefficient; B0 has 1")
    parser.add_argument("--threads", type=int, default=None, help="that decode, of each process; all cores by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-steps", type=int, default=1000, help="save every so many batches; 0: after epochs only")
    parser.add_argument("--resume", action="store_true", help="go on where last.pt of the run stands")
    parser.add_argument("--stop-after", type=int, default=-1, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    run = Run(parse(arguments))
    run.epochs()
    return run.history


if __name__ == "__main__":
    main()
