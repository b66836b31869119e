"""``loader``: every iterator is a new epoch.

States fit any batch size and number of ranks; ranks are found out.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cytoimagenet

torch = pytest.importorskip("torch")

ROWS = 216  # of the split train


def load(package: Path, **options: Any) -> cytoimagenet.Loader:
    plain = {"batch_size": 16, "size": 8, "buffer": 50, "threads": 2, "columns": ["path", "filename"]}
    return cytoimagenet.loader(package, **{**plain, **options})


def names(batches: Any) -> list[str]:
    """Return the names of all examples in order, without repeats.

    Those that are marked as repeated are left out.
    """
    found = []
    for *_, more in batches:
        kept = ~more["repeated"] if "repeated" in more else itertools.repeat(True)
        found += [f"{p}/{f}" for p, f, fresh in zip(more["path"], more["filename"], kept, strict=False) if fresh]
    return found


WAYS_TO_STOP = {
    "exactly len(loader)": lambda one: [batch for _, batch in zip(range(len(one)), one, strict=False)],
    "islice": lambda one: list(itertools.islice(one, 5)),
    "break": lambda one: [next(iter(one))],
    "all": list,
}


@pytest.mark.parametrize("way", WAYS_TO_STOP)
def test_every_iterator_gives_the_next_epoch(package: Path, way: str) -> None:
    loader = load(package)
    seen = [names(WAYS_TO_STOP[way](loader)) for _ in range(3)]
    assert loader.epoch == 3
    again = load(package)
    for epoch in (2, 0, 1):
        again.set_epoch(epoch)
        assert names(WAYS_TO_STOP[way](again)) == seen[epoch]
    assert len(set(map(tuple, seen))) == 3


def test_an_iterator_that_gives_nothing_takes_no_epoch(package: Path) -> None:
    wanted = names(load(package))
    loader = load(package)
    for _ in range(3):
        iter(loader)
    assert loader.epoch == 0
    assert names(loader) == wanted
    first = load(package)
    running = iter(first)
    next(running)
    second = load(package)
    second.load_state_dict(first.state_dict())
    iter(second)
    assert names(second) == wanted[16:]


def test_two_iterators_at_once_do_not_disturb_each_other(package: Path) -> None:
    alone = load(package)
    wanted = [names(alone), names(alone)]
    loader = load(package)
    one, two = iter(loader), iter(loader)
    pairs = list(zip(one, two, strict=True))
    assert [names(batches) for batches in zip(*pairs, strict=True)] == wanted
    assert one.state_dict()["epoch"] == 1
    assert two.state_dict()["epoch"] == 2


@pytest.mark.parametrize("options", [{}, {"drop_last": True}, {"pad": True}, {"batch_size": 27}, {"batch_size": None}])
def test_a_state_after_the_last_batch_begins_the_next_epoch(package: Path, options: dict[str, Any]) -> None:
    loader = load(package, columns=[], **options)
    taken = list(itertools.islice(loader, len(loader)))
    assert len(taken) == len(loader)
    state = loader.state_dict()
    again = load(package, columns=[], **options)
    again.load_state_dict(state)
    assert again.epoch == 1
    assert len(list(again)) == len(taken)


@pytest.mark.parametrize(("before", "after"), [(100, 64), (16, 7), (7, 50), (16, None), (None, 16)])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_state_fits_any_batch_size(package: Path, before: int | None, after: int | None, shuffle: bool) -> None:
    wanted = names(load(package, shuffle=shuffle))

    def listed(loader: cytoimagenet.Loader, batches: Iterator[Any]) -> list[str]:
        if loader._plan.batch_size is not None:
            return names(batches)
        return [f"{more['path']}/{more['filename']}" for *_, more in batches]

    first = load(package, batch_size=before, shuffle=shuffle)
    running = iter(first)
    head = listed(first, itertools.islice(running, 2))
    state = json.loads(json.dumps(first.state_dict()))
    second = load(package, batch_size=after, shuffle=shuffle, threads=1)
    second.load_state_dict(state)
    assert head + listed(second, iter(second)) == wanted
    running.close()


# (ranks, batches that each is given before the run ends), and at last the ranks that finish the epoch
RUNS = [
    ([(8, 1)], 4),
    ([(4, 2)], 8),
    ([(1, 3)], 5),
    ([(5, 2)], 1),
    ([(3, 1), (2, 2)], 7),
    ([(2, 1), (2, 2), (3, 1)], 2),
    ([(7, 2)], 3),  # of 30 or 31 examples each, so with batches of 15 some ranks have no more
]


@pytest.mark.parametrize(("runs", "last"), RUNS)
@pytest.mark.parametrize("size", [9, 15])
def test_ranks_that_change_give_every_example_once(
    package: Path, runs: list[tuple[int, int]], last: int, size: int
) -> None:
    seen: list[str] = []
    state = None
    for number, (ranks, batches) in enumerate([*runs, (last, ROWS)]):
        loaders = [load(package, batch_size=size + number, rank=r, world_size=ranks) for r in range(ranks)]
        for loader in loaders:
            if state is not None:
                loader.load_state_dict(state)
        running = [iter(loader) for loader in loaders]
        for one in running:
            seen += names(itertools.islice(one, batches))
        states = [one.state_dict() for one in running]
        if batches < ROWS:
            assert all(one == states[0] for one in states)  # one rank's state is every rank's
            state = json.loads(json.dumps(states[-1]))
        for one in running:
            one.close()
    assert len(seen) == ROWS
    assert len(set(seen)) == ROWS


@pytest.mark.parametrize("ranks", [2, 3, 5])
@pytest.mark.parametrize("size", [16, 50])
def test_padded_ranks_have_equal_full_batches_and_every_example(package: Path, ranks: int, size: int) -> None:
    shares = [list(load(package, rank=r, world_size=ranks, pad=True, batch_size=size)) for r in range(ranks)]
    assert len({len(share) for share in shares}) == 1
    assert {len(labels) for share in shares for _, labels, _ in share} == {size}
    seen = [name for share in shares for name in names(share)]
    assert len(seen) == len(set(seen)) == ROWS
    every = Counter(f"{p}/{f}" for share in shares for *_, m in share for p, f in zip(m["path"], m["filename"]))  # noqa: B905
    assert sum(every.values()) == len(shares[0]) * ranks * size
    assert set(every) == set(seen)  # what fills up are examples of the epoch


def test_a_rank_without_any_example_is_padded_too(package: Path) -> None:
    [batch] = load(package, labels=["human"], sources=["idr0080"], rank=7, world_size=9, pad=True, batch_size=4)
    assert len(batch[1]) == 4


@pytest.mark.parametrize("how", ["environment", "process group"])
def test_ranks_are_found_out(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    wanted = [names(load(package, rank=r, world_size=2)) for r in range(2)]
    assert Counter(wanted[0] + wanted[1]) == Counter(names(load(package)))
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    if how == "environment":
        assert names(load(package)) == wanted[1]
        assert Counter(names(load(package, rank=0, world_size=1))) == Counter(wanted[0] + wanted[1])
        return
    with contextlib.ExitStack() as stack:
        torch.distributed.init_process_group("gloo", rank=0, world_size=1, init_method=f"file://{tmp_path}/group")
        stack.callback(torch.distributed.destroy_process_group)
        assert len(names(load(package))) == ROWS  # the group knows better than the environment


@pytest.mark.parametrize("batch_size", [16, 1000])
def test_nothing_is_left_by_drop_last(package: Path, batch_size: int) -> None:
    with pytest.raises(ValueError, match=rf"smallest share is \d+, less than a batch of {batch_size}"):
        list(load(package, rank=0, world_size=30, drop_last=True, batch_size=batch_size))


def test_bad_ranks(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="give rank and world_size together"):
        load(package, rank=1)
    monkeypatch.setenv("RANK", "first")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="RANK and WORLD_SIZE in the environment are 'first' and '2'"):
        load(package)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"shuffle": False},
        {"buffer": 49},
        {"config": "compound"},
        {"labels": ["human"]},
        {"split": "validation"},
    ],
)
def test_a_state_of_other_rows_is_refused(package: Path, other: dict[str, Any]) -> None:
    state = load(package).state_dict()
    with pytest.raises(ValueError, match="with other data"):
        load(package, **other).load_state_dict(state)
    with pytest.raises(ValueError, match="no state of a loader"):
        load(package).load_state_dict({"epoch": 1, "given": 5, "order": "of an earlier version"})


def test_which_rows_a_filter_takes_belongs_to_the_state(package: Path) -> None:
    """Two filters take equally many rows of every shard.

    They are of the same classes, but not the same rows.
    """
    one, two = ({"labels": ["human", "mouse"], "sources": [source]} for source in ("bbbc005", "rec_rxrx1"))
    counts = [[len(part) for part in cytoimagenet.open(package, **f).to_iterable_dataset().iter(9)] for f in (one, two)]
    assert counts[0] == counts[1]
    with pytest.raises(ValueError, match="with other data"):
        load(package, **two).load_state_dict(load(package, **one).state_dict())


@pytest.mark.parametrize(("epoch", "error"), [(-1, ValueError), (1.5, TypeError), (None, TypeError), ("1", TypeError)])
def test_a_wrong_epoch_is_refused_when_it_is_set(package: Path, epoch: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="epoch must be"):
        cytoimagenet.loader(package).set_epoch(epoch)


def test_a_loaded_state_and_an_epoch_that_is_set(package: Path) -> None:
    """``set_epoch`` of the state's own epoch keeps the position.

    Trainers call it when they resume.
    """
    options: dict[str, Any] = {"size": None, "batch_size": 16, "columns": ["idx"], "threads": 1}
    loader = cytoimagenet.loader(package, "organism", **options)
    epochs = [[more["idx"] for *_, more in loader] for _ in range(3)]
    loader.set_epoch(1)
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    for epoch, wanted in ((1, epochs[1][1:]), (2, epochs[2]), (0, epochs[0])):
        resumed = cytoimagenet.loader(package, "organism", **options)
        resumed.load_state_dict(state)
        resumed.set_epoch(epoch)
        assert [more["idx"] for *_, more in resumed] == wanted
    resumed.set_epoch(1)  # again: the state was left behind
    assert [more["idx"] for *_, more in resumed] == epochs[1]
    with pytest.raises(ValueError, match="no state of a loader"):
        resumed.load_state_dict(None)  # type: ignore[arg-type]
