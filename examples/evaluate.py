"""Scores features by the paper's three protocols.

They are those of arXiv 2111.11646, section 4, for a checkpoint of ``pretrain``.

    python -m examples.evaluate RUN/last.pt bbbc021 TABLE.csv [--channels merged|concatenated] [--normalize]
    python -m examples.evaluate RUN/last.pt coos7   TABLE.csv ...
    python -m examples.evaluate RUN/last.pt cyclops TABLE.csv ...

TABLE.csv has one row per image, with ``files``: its channel files joined by "|", relative to the table. Further
columns:
bbbc021: ``compound``, ``concentration``, ``moa``; coos7: ``label``, ``set`` (``train`` or a test set's name); cyclops:
``label``. Features are the pooled last layer before the classes. The paper's four ways: channels ``merged`` into one
example or each looked at alone and their features ``concatenated``, their contrast normalised as in pretraining
(``--normalize``) or left as it is. Prints each accuracy with its 95 % interval; ``--results WORK/results.json`` adds
them to those that the next `cytoimagenet build` of the package with this WORK writes into the card.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from builder.package.results import classes_sha256, wilson
from builder.pixels import standardize
from builder.pixels.read import read
from examples.pretrain import as_input, network

Score = tuple[str, int, int]  # what, right, of how many


def vote(distances: torch.Tensor, labels: torch.Tensor, k: int) -> torch.Tensor:
    """Return the label that most of the k nearest have.

    ``distances`` (N, M) to M known items with whole-number ``labels`` (M,); the answer is (N,). Of labels with equally
    many votes, the one whose nearest item is nearer wins.
    """
    nearest = distances.topk(min(k, distances.shape[1]), 1, largest=False).indices
    ballots = labels[nearest]
    counts = (ballots[:, :, None] == ballots[:, None, :]).sum(2)
    return ballots.gather(1, counts.argmax(1, keepdim=True))[:, 0]  # argmax takes the first: the nearest


def same_as(values: Sequence[str]) -> torch.Tensor:
    """Return texts as whole numbers, equal where they are equal."""
    numbers = {value: i for i, value in enumerate(sorted(set(values)))}
    return torch.tensor([numbers[value] for value in values])


def not_same_compound(features: torch.Tensor, rows: Sequence[dict[str, str]]) -> list[Score]:
    """BBBC021: predict each treatment's mechanism from its nearest other.

    By cosine distance between means of images. A treatment is a compound at a concentration; treatments of the same
    compound do not count as neighbours (Ljosa et al., J. Biomol. Screen. 2013, doi:10.1177/1087057113503553).
    """
    treatments = same_as([f"{row['compound']}\0{row['concentration']}" for row in rows])
    count = int(treatments.max()) + 1
    firsts = [int((treatments == i).nonzero()[0]) for i in range(count)]
    means = torch.stack([features[treatments == i].mean(0) for i in range(count)])
    compounds = same_as([row["compound"] for row in rows])[firsts]
    mechanisms = same_as([row["moa"] for row in rows])[firsts]
    unit = means / means.norm(dim=1, keepdim=True).clamp_min(1e-12)
    distances = 1 - unit @ unit.T
    distances[compounds[:, None] == compounds[None]] = torch.inf
    possible = distances.isfinite().any(1)
    found = vote(distances, mechanisms, 1)
    return [("not-same-compound 1-NN", int((found == mechanisms)[possible].sum()), int(possible.sum()))]


def train_to_tests(features: torch.Tensor, rows: Sequence[dict[str, str]]) -> list[Score]:
    """COOS-7: classify each test set by 11 nearest neighbours.

    The neighbours are those of the training set (arXiv 1906.07282).
    """
    labels = same_as([row["label"] for row in rows])
    sets = np.array([row["set"] for row in rows])
    known = torch.from_numpy(sets == "train")
    scores = []
    for name in sorted(set(sets) - {"train"}):
        asked = torch.from_numpy(sets == name)
        found = torch.cat(
            [vote(torch.cdist(f, features[known]), labels[known], 11) for f in features[asked].split(1024)]
        )
        scores.append((name, int((found == labels[asked]).sum()), len(found)))
    return scores


def leave_one_out(features: torch.Tensor, rows: Sequence[dict[str, str]]) -> list[Score]:
    """CYCLoPs: classify each image by its 11 nearest others."""
    labels = same_as([row["label"] for row in rows])
    right = 0
    for start in range(0, len(features), 1024):
        block = features[start : start + 1024]
        distances = torch.cdist(block, features)
        distances[torch.arange(len(block)), start + torch.arange(len(block))] = torch.inf
        right += int((vote(distances, labels, min(11, len(features) - 1)) == labels[start : start + 1024]).sum())
    return [("leave-one-out 11-NN", right, len(features))]


PROTOCOLS = {"bbbc021": not_same_compound, "coos7": train_to_tests, "cyclops": leave_one_out}


def examples(channels: list[np.ndarray[Any, Any]], merged: bool, normalize: bool) -> list[np.ndarray[Any, Any]]:
    """Return the network's inputs for one image.

    One uint8 (H, W), or one per channel.
    """
    if normalize:
        return [standardize(channels)] if merged else [standardize([channel]) for channel in channels]
    planes = [plain_grey(channel) for channel in channels]
    return [np.mean(planes, 0).round().astype(np.uint8)] if merged else planes


def plain_grey(channel: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a channel as grey levels, scaled by its type.

    A channel (H, W) or (H, W, 3 or 4) becomes uint8 (H, W): shares of the type's range.
    """
    grey = channel[..., :3].mean(-1) if channel.ndim == 3 else channel.astype(np.float64)
    most = np.iinfo(channel.dtype).max if np.issubdtype(channel.dtype, np.integer) else 1.0
    return np.asarray(np.clip(grey / most, 0, 1) * 255).round().astype(np.uint8)


class Features:
    """The penultimate layer of a checkpoint's network."""

    def __init__(self, checkpoint: Path, device: str) -> None:
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        options = state["options"]
        self.size, self.device, self.classes = options["size"], device, state["classes"]
        self.model = network(len(state["classes"]), self.size, options["width"], options["depth"])
        self.model.load_state_dict(state["model"])
        self.model.to(device).eval()

    @torch.no_grad()
    def of(self, images: Sequence[np.ndarray[Any, Any]]) -> torch.Tensor:
        """Return the features of one image's examples, concatenated: float32."""
        size = (self.size, self.size)
        sized = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)) for image in images]
        pooled = self.model.efficientnet(
            as_input(torch.from_numpy(np.stack(sized)[:, None]).to(self.device))
        ).pooler_output
        return pooled.flatten().float().cpu()


def read_table(path: Path, protocol: str) -> list[dict[str, str]]:
    """Return the rows of the table.

    Ends with one line where a column is missing.
    """
    needed = {"bbbc021": ["compound", "concentration", "moa"], "coos7": ["label", "set"], "cyclops": ["label"]}[
        protocol
    ]
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    missing = [name for name in ("files", *needed) if not rows or rows[0].get(name) is None]
    if missing:
        raise SystemExit(f"{path}: {protocol} needs the columns files, {', '.join(needed)}; no {', '.join(missing)}")
    return rows


def main(arguments: list[str] | None = None) -> list[Score]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("protocol", choices=PROTOCOLS)
    parser.add_argument("table", type=Path)
    parser.add_argument("--channels", choices=["merged", "concatenated"], default="merged")
    parser.add_argument("--normalize", action="store_true")
    parser.add_argument("--results", type=Path, help="JSON file to which the scores are added")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args(arguments)
    rows = read_table(options.table, options.protocol)
    extract = Features(options.checkpoint, options.device)
    found = []
    for row in rows:
        channels = [read((options.table.parent / name).read_bytes()) for name in row["files"].split("|")]
        found.append(extract.of(examples(channels, options.channels == "merged", options.normalize)))
    scores = PROTOCOLS[options.protocol](torch.stack(found), rows)
    for name, right, count in scores:
        low, high = wilson(right, count)
        print(f"{name}: {right / count:.4f} [{low:.4f}, {high:.4f}] ({right} of {count})")
    if options.results:
        add_results(options, extract.classes, scores)
    return scores


def add_results(options: argparse.Namespace, classes: Sequence[str], scores: Sequence[Score]) -> None:
    """Add the scores to a file.

    They replace earlier ones of the same checkpoint, protocol and options.
    """
    checkpoint = hashlib.sha256(options.checkpoint.read_bytes()).hexdigest()
    way = {
        "protocol": options.protocol,
        "channels": options.channels,
        "normalized": options.normalize,
        "checkpoint": checkpoint,
        "classes": classes_sha256(classes),
    }
    known = json.loads(options.results.read_bytes()) if options.results.exists() else []
    others = [result for result in known if any(result[name] != value for name, value in way.items())]
    added = [{**way, "what": what, "right": right, "of": count} for what, right, count in scores]
    options.results.with_suffix(".tmp").write_text(json.dumps([*others, *added], indent=1), "utf-8")
    options.results.with_suffix(".tmp").replace(options.results)


if __name__ == "__main__":
    main()
