"""``loader`` in trainers.

Lightning, accelerate, transformers and PyTorch's own DataLoader.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cytoimagenet
from tests.loading.made_package import make_package

torch = pytest.importorskip("torch")

ROWS = 90


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    classes = {"organism": ("fine", "middle", "wide")}
    folder = tmp_path_factory.mktemp("few")
    return make_package(folder, classes=classes, per_class={"train": 30, "validation": 4}, side=8)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def load(package: Path, **options: Any) -> cytoimagenet.Loader:
    return cytoimagenet.loader(package, **{"batch_size": 8, "size": 8, "buffer": 20, "threads": 1, **options})


def epochs(package: Path, count: int, **options: Any) -> list[list[str]]:
    """Return the names in each of the first epochs."""
    loader = load(package, columns=["filename"], **options)
    return [[name for *_, more in loader for name in more["filename"]] for _ in range(count)]


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("persistent", [False, True])
def test_dataloader(few: Path, workers: int, persistent: bool) -> None:
    if persistent and not workers:
        return  # there is nothing to persist
    loader = torch.utils.data.DataLoader(
        load(few, columns=["filename"]), batch_size=None, num_workers=workers, persistent_workers=persistent
    )
    assert len(loader) == 12
    found = [[name for *_, more in loader for name in more["filename"]] for _ in range(2)]
    assert found == epochs(few, 2)


@pytest.mark.parametrize("workers", [0, 2])
def test_dataloader_that_batches_itself(few: Path, workers: int) -> None:
    examples = load(few, columns=["filename"], batch_size=None)
    loader = torch.utils.data.DataLoader(examples, batch_size=7, num_workers=workers)
    for _ in range(2):
        batches = list(loader)
        assert batches[0][0].shape == (7, 1, 8, 8)
        assert Counter(name for *_, more in batches for name in more["filename"]) == Counter(epochs(few, 1)[0])


def test_a_dataloader_with_workers_has_no_state_here_and_resumes_from_one(few: Path) -> None:
    whole = epochs(few, 1)[0]
    begun = load(few, columns=["filename"])
    running = iter(begun)
    next(running)
    state = begun.state_dict()
    running.close()
    resumed = load(few, columns=["filename"])
    resumed.load_state_dict(state)
    loader = torch.utils.data.DataLoader(resumed, batch_size=None, num_workers=2)
    assert [name for *_, more in loader for name in more["filename"]] == whole[8:]
    with pytest.raises(RuntimeError, match="workers of a DataLoader, which this object does not see"):
        resumed.state_dict()


def network() -> Any:
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))


def lightning_module(seen: list[list[str]], save_at: int) -> Any:
    lightning = pytest.importorskip("pytorch_lightning")

    class Module(lightning.LightningModule):  # type: ignore[misc, name-defined]  # no types without it
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def on_train_epoch_start(self) -> None:
            seen.append([])

        def training_step(self, batch: Any, _: int) -> Any:
            images, labels, more = batch
            seen[-1] += more["filename"]
            return torch.nn.functional.cross_entropy(self.net(images.float()), labels)

        def on_train_batch_end(self, *_: Any) -> None:
            if self.global_step == save_at:
                self.trainer.save_checkpoint(self.trainer.default_root_dir + "/last.ckpt")

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.001)

    return Module()


def fit(
    tmp_path: Path, loader: Any, seen: list[list[str]], resume: Path | None = None, save_at: int = -1, **options: Any
) -> None:
    lightning = pytest.importorskip("pytorch_lightning")
    trainer = lightning.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, default_root_dir=tmp_path, **options,
    )  # fmt: skip
    trainer.fit(lightning_module(seen, save_at), loader, ckpt_path=resume)


def test_lightning_gives_a_new_epoch_each_time(few: Path, tmp_path: Path) -> None:
    seen: list[list[str]] = []
    fit(tmp_path, load(few, columns=["filename"]), seen, max_epochs=3)
    assert seen == epochs(few, 3)


def test_lightning_with_a_limit_on_batches(few: Path, tmp_path: Path) -> None:
    seen: list[list[str]] = []
    fit(tmp_path, load(few, columns=["filename"]), seen, max_epochs=3, limit_train_batches=5)
    assert seen == [names[:40] for names in epochs(few, 3)]


def test_lightning_resumes_in_mid_epoch(few: Path, tmp_path: Path) -> None:
    first: list[list[str]] = []
    fit(tmp_path, load(few, columns=["filename"]), first, save_at=17, max_epochs=2)  # 12 of an epoch, 5 of the next
    second: list[list[str]] = [[]]  # an epoch that is resumed does not start
    fit(tmp_path, load(few, columns=["filename"]), second, tmp_path / "last.ckpt", max_epochs=3)
    wanted = [name for names in epochs(few, 3) for name in names]
    assert [name for part in second for name in part] == wanted[ROWS + 5 * 8 :]


def test_accelerate_takes_the_loader_as_it_is(few: Path) -> None:
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True)
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), 0.001)
    model, optimizer, loader = accelerator.prepare(net, optimizer, load(few, columns=["filename"]))
    found = []
    for _ in range(2):
        found.append([])
        for images, labels, more in loader:
            found[-1] += more["filename"]
            accelerator.backward(torch.nn.functional.cross_entropy(model(images.float()), labels))
            optimizer.step()
    assert found == epochs(few, 2)


def _read_in_two_processes(few: Path, out: Path) -> None:
    """Write this process's examples in two epochs, prepared by accelerate.

    One text an example.
    """
    import accelerate

    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)  # of the process that this was forked from
    accelerator = accelerate.Accelerator(cpu=True)
    wrapped = torch.utils.data.DataLoader
    found = {}
    for name, made in {
        "as it is": load(few),
        "batches": wrapped(load(few, batch_size=9), batch_size=None),
        "workers": wrapped(load(few, batch_size=9), batch_size=None, num_workers=2),
        "examples": wrapped(load(few, batch_size=None), batch_size=9),
    }.items():
        prepared = accelerator.prepare(made)
        lengths = len(prepared)
        epochs = [[bytes(image.flatten().tolist()).hex() for images, _ in prepared for image in images] for _ in "ab"]
        found[name] = [lengths, *epochs]
    (out / f"{accelerator.process_index}.json").write_text(json.dumps(found))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="accelerate's launcher for tests forks")
def test_accelerate_in_two_processes_gives_each_example_once(few: Path, tmp_path: Path) -> None:
    accelerate = pytest.importorskip("accelerate")
    accelerate.debug_launcher(_read_in_two_processes, (few, tmp_path), num_processes=2)
    of_ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    every = Counter(bytes(image.flatten().tolist()).hex() for images, _ in load(few) for image in images)
    assert every.total() == ROWS
    for name in of_ranks[0]:
        lengths, *epochs = zip(*(found[name] for found in of_ranks), strict=True)
        assert lengths == ((6, 6) if name == "as it is" else (5, 5))
        for one, other in epochs:
            assert len(one) == len(other) == ROWS // 2
            assert Counter(one) + Counter(other) == every, name
        assert epochs[0] != epochs[1]


def test_a_share_is_not_shared_out_by_accelerate_again(few: Path) -> None:
    pytest.importorskip("accelerate")

    class DataLoaderDispatcher:  # as accelerate's, which reads in one process for all
        def read(self, loader: cytoimagenet.Loader) -> None:
            next(iter(loader))

    with pytest.raises(RuntimeError, match=r"accelerate shares out .* make it without rank= and world_size="):
        DataLoaderDispatcher().read(load(few, rank=0, world_size=2))
    DataLoaderDispatcher().read(load(few, rank=0, world_size=1))


@pytest.mark.slow
def test_transformers_trainer(few: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    seen: list[int] = []

    class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, pixel_values: Any, labels: Any) -> dict[str, Any]:
            seen.extend(int(image.float().sum() * 1000) for image in pixel_values)
            logits = self.net(pixel_values)
            return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    examples: Callable[[], Any] = lambda: load(  # noqa: E731
        few, batch_size=None, keys=("pixel_values", "labels"), dtype=torch.float32
    )
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=2, per_device_train_batch_size=9, report_to=[], use_cpu=True,
        save_strategy="no", logging_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    transformers.Trainer(model=Net(), args=arguments, train_dataset=examples()).train()
    loader = examples()
    wanted = [[int(example["pixel_values"].sum() * 1000) for example in loader] for _ in range(2)]
    assert len(seen) == 2 * ROWS
    assert [seen[:ROWS], seen[ROWS:]] == wanted
    assert wanted[0] != wanted[1]
