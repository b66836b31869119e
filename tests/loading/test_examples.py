"""The scripts of examples/ on tiny made-up data.

The pretraining learns and resumes exactly; the protocols count right.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builder.package.results import results_of
from tests.loading.made_package import make_package

torch = pytest.importorskip("torch")

SMALL = ["--size", "32", "--width", "0.2", "--depth", "0.1", "--batch-size", "20", "--threads", "2"]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Use one thread, as small layers lose more by waiting.

    And sums do not depend on the number of cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def striped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("striped")
    classes = {"organism": ("fine", "middle", "wide")}
    return make_package(folder, classes=classes, per_class={"train": 100, "validation": 20}, side=32)


@pytest.fixture(scope="module", autouse=True)
def pretrain() -> Any:
    """``examples/pretrain.py``, whose imports take seconds."""
    pytest.importorskip("accelerate")
    pytest.importorskip("transformers")
    return import_module("examples.pretrain")


@pytest.fixture(scope="module")
def evaluate() -> Any:
    """``examples/evaluate.py``; likewise."""
    return import_module("examples.evaluate")


def train(package: Path, out: Path, *more: str) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = import_module("examples.pretrain").main(
        [str(package), "--out", str(out), *SMALL, *more]
    )
    return history


@pytest.mark.slow
def test_pretraining_learns(striped: Path, tmp_path: Path) -> None:
    history = train(striped, tmp_path, "--epochs", "6", "--learning-rate", "0.003")
    assert [row["epoch"] for row in history] == list(range(1, 7))
    assert history[-1]["train_accuracy"] > 0.6  # chance: 1/3
    assert max(row["validation_accuracy"] for row in history) > 0.6
    assert all(row["validation_top7"] == 1 for row in history)  # of three classes
    with Image.open(tmp_path / "curves.png") as curves:
        assert curves.size[0] > 500
    assert json.loads((tmp_path / "curves.json").read_text()) == history
    loaded = import_module("transformers").AutoModelForImageClassification.from_pretrained(tmp_path / "model")
    assert loaded.config.id2label == {0: "fine", 1: "middle", 2: "wide"}
    saved = torch.load(tmp_path / "last.pt", weights_only=True)["model"]
    assert all(torch.equal(weight, saved[name]) for name, weight in loaded.state_dict().items())
    card = (tmp_path / "model" / "README.md").read_text()
    assert "3 classes of the config `full`" in card
    assert f"{history[-1]['validation_accuracy']:.4f}" in card


@pytest.mark.slow
def test_a_stopped_run_goes_on_as_if_it_had_not(striped: Path, tmp_path: Path) -> None:
    whole = train(striped, tmp_path / "whole", "--epochs", "2")
    with pytest.raises(SystemExit, match="stopped after 20 steps"):
        train(striped, tmp_path / "cut", "--epochs", "2", "--stop-after", "20")
    resumed = train(striped, tmp_path / "cut", "--epochs", "2", "--resume")
    for row in (*whole, *resumed):
        del row["seconds"]
    assert resumed == whole


def test_turned_images_keep_what_they_show(pretrain: Any) -> None:
    images = torch.arange(2 * 3 * 9 * 9).float().reshape(2, 3, 9, 9) / 100
    draw = torch.Generator().manual_seed(0)
    turned = pretrain.turned(images, draw)
    assert turned.shape == images.shape
    assert not torch.allclose(turned, images)
    torch.testing.assert_close(turned[..., 4, 4], images[..., 4, 4])  # the centre stays
    ring = torch.zeros(1, 1, 65, 65)
    y, x = torch.meshgrid(torch.arange(65) - 32, torch.arange(65) - 32, indexing="ij")
    ring[0, 0] = ((y**2 + x**2).sqrt() / 32).clamp(max=1)
    inside = ring < 0.95  # outside the circle, reflected edges come in
    torch.testing.assert_close(pretrain.turned(ring, draw)[inside], ring[inside], atol=0.05, rtol=0)


def test_half_the_images_are_mirrored_where_flips_are_asked_for(pretrain: Any) -> None:
    y, x = (torch.arange(65) - 32).float()[:, None], (torch.arange(65) - 32).float()[None, :]
    spots = torch.stack([(x - 18) ** 2 + y**2 < 25, x**2 + (y - 18) ** 2 < 25]).float()  # to the right, and below

    def clockwise(images: torch.Tensor) -> torch.Tensor:
        """Does the second channel's spot follow the first's clockwise?"""
        right, below = ((images * axis).mean((2, 3)) for axis in (x, y))
        return right[:, 0] * below[:, 1] - below[:, 0] * right[:, 1] > 0

    images = spots.expand(64, 2, 65, 65)
    assert clockwise(pretrain.turned(images, torch.Generator().manual_seed(1))).all()
    kept = clockwise(pretrain.turned(images, torch.Generator().manual_seed(1), flip=True)).sum()
    assert 20 < kept < 44


def test_top_hits(pretrain: Any) -> None:
    logits = torch.eye(9)[:4].flip(1)  # row i: class 8 - i first, then 0, 1, 2 ... by position
    counted = pretrain.hits(logits + torch.linspace(0.1, 0, 9), torch.tensor([8, 0, 6, 8]))
    assert counted.tolist() == [4, 2, 3]


def test_votes(evaluate: Any) -> None:
    distances = torch.tensor([[0.1, 0.2, 0.3, 9.0], [0.3, 0.2, 0.1, 9.0]])
    labels = torch.tensor([1, 0, 0, 1])
    assert evaluate.vote(distances, labels, 3).tolist() == [0, 0]
    assert evaluate.vote(distances, labels, 1).tolist() == [1, 0]
    assert evaluate.vote(distances, labels, 2).tolist() == [1, 0]  # a tie: the nearest decides


def test_wilson_interval(evaluate: Any) -> None:
    low, high = evaluate.wilson(8, 10)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)  # Brown, Cai & DasGupta's formula by hand


def test_bbbc021_leaves_out_the_same_compound(evaluate: Any) -> None:
    rows = [
        {"compound": c, "concentration": d, "moa": m}
        for c, d, m in ["a1x", "a2x", "b1x", "c1y", "d1y", "a1x"]
    ]  # fmt: skip
    degrees = torch.tensor([0.0, 1.0, 20.0, 30.0, 80.0, 2.0]).deg2rad()
    features = torch.stack([degrees.cos(), degrees.sin()], 1) * torch.arange(1, 7)[:, None]  # length means nothing
    # nearest of another compound: a1, a2 -> b (x, right); b -> c (y, wrong); c -> b (x, wrong); d -> c (y, right)
    assert evaluate.not_same_compound(features, rows) == [("not-same-compound 1-NN", 3, 5)]


def test_coos7_and_cyclops_against_plain_counting(evaluate: Any) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(90, 3))
    labels = rng.integers(0, 3, 90)
    points[:, 0] += labels
    sets = ["train"] * 50 + ["test1"] * 20 + ["test2"] * 20

    def plain(i: int, others: list[int]) -> int:
        near = sorted(others, key=lambda j: float(((points[i] - points[j]) ** 2).sum()))[:11]
        votes = [int(labels[j]) for j in near]
        return max(votes, key=lambda v: (votes.count(v), -votes.index(v)))

    rows = [{"label": f"l{label}", "set": name} for label, name in zip(labels, sets, strict=True)]
    features = torch.from_numpy(points)
    wanted = [
        (name, sum(plain(i, list(range(50))) == labels[i] for i in range(90) if sets[i] == name), 20)
        for name in ("test1", "test2")
    ]
    assert evaluate.train_to_tests(features, rows) == wanted
    right = sum(plain(i, [j for j in range(90) if j != i]) == labels[i] for i in range(90))
    assert evaluate.leave_one_out(features, rows) == [("leave-one-out 11-NN", right, 90)]


@pytest.mark.slow
@pytest.mark.parametrize("ways", [[], ["--normalize"], ["--channels", "concatenated"]])
def test_from_a_checkpoint_to_a_score(evaluate: Any, striped: Path, tmp_path: Path, ways: list[str]) -> None:
    with pytest.raises(SystemExit, match="stopped after 1 steps"):
        train(striped, tmp_path, "--stop-after", "1")
    rng = np.random.default_rng(0)
    with (tmp_path / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["files", "label"])
        for i in range(14):
            names = [f"{i}-{channel}.png" for channel in range(2)]
            for name in names:
                Image.fromarray((rng.random((40, 40)) * (50 + 200 * (i % 2))).astype(np.uint8)).save(tmp_path / name)
            table.writerow(["|".join(names), f"l{i % 2}"])
    kept = tmp_path / "results.json"
    asked = [str(tmp_path / "last.pt"), "cyclops", str(tmp_path / "table.csv"), "--device", "cpu", *ways]
    scores = evaluate.main([*asked, "--results", str(kept)])
    evaluate.main([*asked, "--results", str(kept)])
    names = ["fine", "middle", "wide"]
    (result,) = results_of(kept.read_bytes(), {"full": {"names": names, "counts": {}}})  # of both runs, once
    assert (result["what"], result["right"], result["of"]) == scores[0]
    assert (result["config"], result["normalized"]) == ("full", "--normalize" in ways)
    assert results_of(kept.read_bytes(), {"full": {"names": [*names, "more"], "counts": {}}}) == []
    assert scores[0][0] == "leave-one-out 11-NN"
    assert scores[0][2] == 14
    with pytest.raises(SystemExit, match="needs the columns files, compound, concentration, moa; no compound"):
        evaluate.main([str(tmp_path / "last.pt"), "bbbc021", str(tmp_path / "table.csv")])


def test_a_run_is_not_resumed_as_another(striped: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="stopped after 1 steps"):
        train(striped, tmp_path, "--stop-after", "1")
    for changed, said in (
        (["--seed", "3"], "a run with --seed 0: resume it so"),
        (["--batch-size", "10"], "a run of 20 examples a step, and this one of 10"),
        (["--config", "organism"], "a run with --config full"),
    ):
        with pytest.raises(SystemExit, match=said):
            train(striped, tmp_path, "--resume", *changed)
    other = make_package(tmp_path / "other", classes={"organism": ("fine", "middle", "wide")}, side=32, seed=1)
    with pytest.raises(SystemExit, match=r"cannot be resumed with .*other data"):
        train(other, tmp_path, "--resume")


@pytest.mark.slow
def test_a_run_stopped_at_the_end_of_an_epoch_reports_it(striped: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="stopped after 15 steps"):  # of 20 of 300 examples
        train(striped, tmp_path, "--epochs", "1", "--stop-after", "15")
    [row] = train(striped, tmp_path, "--epochs", "1", "--resume")
    assert row["train_loss"] > 0
