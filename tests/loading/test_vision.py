"""``loader`` and the pretrained model with torchvision and timm.

Where these are installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cytoimagenet
from tests.loading.made_package import make_package
from tests.loading.vision import import_vision

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    classes = {"organism": ("fine", "middle", "wide")}
    folder = tmp_path_factory.mktemp("few")
    return make_package(folder, classes=classes, per_class={"train": 10, "validation": 2}, side=8)


def load(package: Path, **options: Any) -> cytoimagenet.Loader:
    return cytoimagenet.loader(package, **{"batch_size": 8, "size": 8, "buffer": 20, "threads": 1, **options})


def test_torchvision_transforms_batches(few: Path) -> None:
    v2 = import_vision("torchvision.transforms.v2")
    transform = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomResizedCrop(6), v2.ToDtype(torch.float32, scale=True)])
    options: dict[str, Any] = {"transform": transform, "channels": 3, "channels_last": True, "columns": ["filename"]}
    plain = [more["filename"] for *_, more in load(few, columns=["filename"])]
    found = []
    for threads in (1, 3):
        torch.manual_seed(0)
        found.append(list(load(few, threads=threads, **options)))
    for (images, _, more), (same, *_), names in zip(*found, plain, strict=True):
        assert images.shape == (len(names), 3, 6, 6)
        assert images.dtype == torch.float32
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert 0 <= float(images.min()) < float(images.max()) <= 1
        assert torch.equal(images, same)
        assert more["filename"] == names


def test_torchvision_normalizes_as_loader_does(few: Path) -> None:
    v2 = import_vision("torchvision.transforms.v2")
    mean, deviation = cytoimagenet.Package(few).normalization()
    transform = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([mean], [deviation])])
    ours = load(few, dtype=torch.float32, normalize="package")
    for (images, _), (same, _) in zip(load(few, transform=transform), ours, strict=True):
        torch.testing.assert_close(images, same)


def test_torchvision_transforms_single_examples(few: Path) -> None:
    v2 = import_vision("torchvision.transforms.v2")
    for image, label in load(few, batch_size=None, size=None, transform=v2.Resize((5, 7))):
        assert image.shape[-2:] == (5, 7)
        assert label.shape == ()


def test_timm_and_transformers_load_what_is_pretrained(tmp_path: Path) -> None:
    timm = import_vision("timm")
    transformers = pytest.importorskip("transformers")
    from examples import pretrain
    from examples.timm_folder import save_for_timm

    classes = [f"class {number}" for number in range(5)]
    torch.manual_seed(0)
    model = pretrain.network(len(classes), size=64).eval()
    for name, value in model.named_buffers():  # else a network that mixes up its statistics passes
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    save_for_timm(model, tmp_path / "timm", classes, 64)
    images = pretrain.as_input(torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8))
    ours = timm.create_model(f"local-dir:{tmp_path / 'timm'}", pretrained=True).eval()
    wrapped = transformers.AutoModelForImageClassification.from_pretrained(tmp_path / "timm").eval()
    with torch.no_grad():
        wanted = model(images).logits
        torch.testing.assert_close(ours(images), wanted, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(wrapped(images).logits, wanted, atol=1e-4, rtol=1e-3)
    assert float(wanted.std()) > 0.01
    assert list(ours.pretrained_cfg["mean"]) == [0.5, 0.5, 0.5]
    assert ours.pretrained_cfg["label_names"] == classes
