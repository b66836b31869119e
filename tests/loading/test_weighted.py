"""``loader(balanced=True)`` and ``weights=``.

Shares are met, seeded, resumed and divided between ranks.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import cytoimagenet
from cytoimagenet import PackageError
from tests.loading.made_package import make_package

torch = pytest.importorskip("torch")


def load(package: Path, **options: Any) -> cytoimagenet.Loader:
    plain = {"batch_size": 10, "size": 4, "threads": 1, "buffer": 40, "columns": ["path", "filename"]}
    return cytoimagenet.loader(package, **{**plain, **options})


def names(batches: Any) -> list[str]:
    return [f"{p}/{f}" for *_, more in batches for p, f in zip(more["path"], more["filename"], strict=True)]


def shares(loader: cytoimagenet.Loader) -> Counter[str]:
    return Counter(loader.classes[label] for _, labels, _ in loader for label in labels.tolist())


@pytest.mark.parametrize("form", ["package", "parquet_package"])
def test_balanced_classes_are_given_equally_often(request: pytest.FixtureRequest, form: str) -> None:
    crops = {"labels": ["human", "taxol", "dmso"]}  # of 24 each
    package = request.getfixturevalue(form)
    for _ in range(2):
        found = shares(load(package, balanced=True, **crops))
        assert sum(found.values()) == 72
        assert all(23 <= count <= 25 for count in found.values())


def test_a_rare_class_is_repeated_evenly(package: Path) -> None:
    loader = load(package, weights={"human": 10, "mouse": 1}, config="organism")
    for _ in range(3):
        given = Counter(names(loader))
        assert sum(given.values()) == 48
        human = [count for name, count in given.items() if "/human/" in name]
        assert 43 <= sum(human) <= 44  # 48 * 10 / 11
        assert len(human) == 24
        assert set(human) <= {1, 2}
        assert {count for name, count in given.items() if "/mouse/" in name} <= {1}


def test_every_epoch_draws_anew_and_the_same_again(package: Path) -> None:
    options = {"weights": {"human": 1, "mouse": 9}, "config": "organism"}
    loader = load(package, **options)
    epochs = [names(loader) for _ in range(3)]
    assert len({tuple(sorted(names)) for names in epochs}) == 3
    again = load(package, threads=3, **options)
    assert [names(again) for _ in range(3)] == epochs
    assert names(load(package, seed=1, **options)) != epochs[0]
    over = Counter(name for epoch in (names(loader) for _ in range(30)) for name in epoch if "/human/" in name)
    assert sum(over.values()) in range(30 * 4, 30 * 5 + 1)  # 48 / 10 an epoch
    assert len(over) == 24  # chance leaves out none of them for ever


def test_weights_by_a_column(package: Path) -> None:
    loader = load(package, weights="scaling")  # 1 for whole images, 0.5 for crops, 108 of each
    rows = {f"{r['path']}/{r['filename']}": r["crop"] for r in cytoimagenet.open(package)}
    found = Counter(rows[name] for name in names(loader))
    assert abs(found[False] - 144) <= 1  # of 216, two thirds


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_ranks_share_and_resume_a_drawn_epoch(package: Path, ranks: int) -> None:
    loaders = [load(package, balanced=True, rank=r, world_size=ranks) for r in range(ranks)]
    running = [iter(loader) for loader in loaders]
    seen = [name for one in running for name in names(itertools.islice(one, 2))]
    state = json.loads(json.dumps(running[0].state_dict()))
    rest = [name for one in running for name in names(one)]
    resumed = load(package, balanced=True, rank=0, world_size=1)
    resumed.load_state_dict(state)
    assert Counter(names(resumed)) == Counter(rest)
    assert len(seen + rest) == 216
    with pytest.raises(ValueError, match="with other data"):
        load(package).load_state_dict(state)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"weights": {"human": 1, "mous": 2}, "config": "organism"}, "'mous', which no .* mean 'mouse'"),
        ({"weights": {"human": 1}, "config": "organism"}, "weights lack 1 classes, 'mouse' among them"),
        ({"weights": {"human": -1, "mouse": 1}, "config": "organism"}, "numbers of 0 or more"),
        ({"weights": {"human": 0, "mouse": 0}, "config": "organism"}, "not all 0"),
        ({"weights": "scale"}, "no column 'scale' to weigh by; did you mean 'scaling'"),
        ({"weights": "microscopy"}, "'microscopy' cannot be used as weights"),
        ({"weights": "scaling", "balanced": True}, "balanced or weights, not both"),
    ],
)  # fmt: skip
def test_weights_that_cannot_be(package: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load(package, **given)


def test_a_class_of_weight_0_is_never_read(tmp_path: Path) -> None:
    folder = make_package(tmp_path / "p", classes={"organism": ("a", "b")}, side=4)
    assert shares(load(folder, weights={"a": 1, "b": 0})) == {"a": 48}
    with pytest.raises(PackageError, match="weights lack"):
        load(folder, weights={"a": 1})
