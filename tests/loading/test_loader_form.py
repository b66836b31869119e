"""``loader``: columns, types, scales, transforms and names of its batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cytoimagenet
from tests.loading.made_package import make_package

torch = pytest.importorskip("torch")


def first(package: Path, **options: Any) -> Any:
    return next(iter(cytoimagenet.loader(package, **{"batch_size": 16, "size": 8, "threads": 1, **options})))


def test_columns_belong_to_their_examples(package: Path) -> None:
    loader = cytoimagenet.loader(package, size=None, columns=["idx", "group", "label", "image"][:2])
    rows = {(r["idx"], r["label"]): r for r in cytoimagenet.open(package)}
    count = 0
    for images, labels, more in loader:
        assert list(more) == ["idx", "group"]
        for image, label, idx, group in zip(images, labels.tolist(), more["idx"], more["group"], strict=True):
            row = rows[idx, label]
            assert group == row["group"]
            assert image.shape == (row["image"].height, row["image"].width)
            count += 1
    assert count == len(rows) == 216


def test_normalized_by_what_the_package_states(package: Path) -> None:
    options: dict[str, Any] = {"batch_size": None, "size": None, "shuffle": False}
    plain = cytoimagenet.loader(package, "compound", **options)
    loader = cytoimagenet.loader(package, "compound", dtype=torch.float32, normalize="package", **options)
    mean, deviation = cytoimagenet.Package(package).normalization("compound")
    assert loader.normalize == (mean, deviation)
    total = square = 0.0
    for (image, _), (grey, _) in zip(loader, plain, strict=True):
        torch.testing.assert_close(image[0], (grey.float() / 255 - mean) / deviation)
        total, square = total + float(image.mean()), square + float((image**2).mean())
    assert total / len(loader) == pytest.approx(0, abs=1e-4)
    assert square / len(loader) == pytest.approx(1, abs=1e-4)
    assert mean != cytoimagenet.Package(package).normalization("organism")[0]


def test_normalized_batches_are_the_same_whatever_reads_them(package: Path) -> None:
    options: dict[str, Any] = {"dtype": torch.bfloat16, "normalize": "package", "channels": 3, "size": 8}
    options |= {"channels_last": True}
    wanted = [images for images, _ in cytoimagenet.loader(package, threads=1, **options)]
    several = [images for images, _ in cytoimagenet.loader(package, threads=4, **options)]
    workers = torch.utils.data.DataLoader(cytoimagenet.loader(package, **options), batch_size=None, num_workers=2)
    for found in (several, [images for images, _ in workers]):
        for images, same in zip(found, wanted, strict=True):
            assert torch.equal(images, same)
            assert images.is_contiguous(memory_format=torch.channels_last)


def test_a_package_of_old_is_read_and_says_what_it_lacks(tmp_path: Path) -> None:
    folder = make_package(tmp_path, per_class={"train": 2, "validation": 1}, old=True)
    images, _ = first(folder, dtype=torch.float32, normalize=(0.5, 0.2))
    assert images.shape == (16, 1, 8, 8)
    with pytest.raises(cytoimagenet.PackageError, match=r"built by an earlier version: give normalize=\(mean, "):
        cytoimagenet.loader(folder, dtype=torch.float32, normalize="package")


@pytest.mark.parametrize(
    ("normalize", "dtype", "says"),
    [
        ("packages", torch.float32, "'package' for the package's, or None, not 'packages'"),
        ((0.5, 0.0), torch.float32, "standard deviation above 0"),
        ((0.5, float("nan")), torch.float32, "standard deviation above 0"),
        ((0.5, 0.2, 0.1), torch.float32, "standard deviation above 0"),
        (True, torch.float32, "standard deviation above 0"),
        ("package", None, "needs a floating dtype, for instance torch.float32, not None"),
        ("package", torch.uint8, "needs a floating dtype"),
    ],
)
def test_a_wrong_normalize_is_refused_when_it_is_given(package: Path, normalize: Any, dtype: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        cytoimagenet.loader(package, normalize=normalize, dtype=dtype)


def test_types_and_scales(package: Path) -> None:
    plain, labels = first(package)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        images, same = first(package, dtype=dtype)
        assert images.dtype == dtype
        assert torch.equal(same, labels)
        torch.testing.assert_close(images.float(), plain.float() / 255, atol=0.005, rtol=0)
        images, _ = first(package, dtype=dtype, normalize=(0.5, 0.25))
        torch.testing.assert_close(images.float(), (plain.float() / 255 - 0.5) / 0.25, atol=0.02, rtol=0)
    images, _ = first(package, dtype=torch.int16)
    assert torch.equal(images, plain.to(torch.int16))


@pytest.mark.parametrize("size", [8, None])
def test_three_channels(package: Path, size: int | None) -> None:
    plain, _ = first(package, size=size)
    images, _ = first(package, size=size, channels=3)
    for image, grey in zip(images, plain, strict=True):
        assert image.shape == (3, *grey.shape[-2:])
        assert all(torch.equal(channel, grey.reshape(channel.shape)) for channel in image)


def test_channels_last(package: Path) -> None:
    images, _ = first(package, channels=3, channels_last=True, dtype=torch.float32)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert images.stride(1) == 1


def test_a_transform_is_called_in_the_order_of_the_batches(package: Path) -> None:
    def noisy(images: Any) -> Any:
        return images + torch.rand(len(images), 1, 1, 1)

    found = []
    for threads in (1, 3):
        torch.manual_seed(0)
        loader = cytoimagenet.loader(package, size=8, threads=threads, dtype=torch.float32, transform=noisy)
        found.append(torch.cat([images for images, _ in loader]))
    assert torch.equal(*found)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_transform_of_single_examples_is_called_with_each(package: Path, workers: int) -> None:
    shapes = []

    def marked(image: Any) -> Any:
        shapes.append(image.shape)
        return image * 0 + torch.rand(())

    examples = cytoimagenet.loader(package, batch_size=None, size=8, dtype=torch.float32, transform=marked)
    loader = torch.utils.data.DataLoader(examples, batch_size=12, num_workers=workers)
    for images, _ in loader:
        values = images[:, 0, 0, 0]
        assert len(set(values.tolist())) == len(values)  # not one draw for several
    assert set(shapes) <= {(1, 8, 8)}
    assert len(shapes) == (0 if workers else 216)


def test_a_transform_makes_batches_of_images_as_stored(package: Path) -> None:
    images, labels = first(package, size=None, transform=lambda image: image[:, :8, :9])
    assert images.shape == (16, 1, 8, 9)
    images, _ = first(package, size=None, transform=lambda image: image[:, :, 1:])
    assert {image.shape[0] for image in images} == {1}
    assert len({image.shape for image in images}) > 1
    assert len(images) == len(labels) == 16


def test_named_batches(package: Path) -> None:
    batch = first(package, keys=("pixel_values", "labels"), columns=["idx"], channels=3)
    assert list(batch) == ["pixel_values", "labels", "idx"]
    assert batch["pixel_values"].shape == (16, 3, 8, 8)
    single = first(package, batch_size=None, keys=("pixel_values", "labels"), columns=["idx"])
    assert single["pixel_values"].shape == (1, 8, 8)
    assert single["labels"].shape == ()
    assert single["idx"] == first(package, columns=["idx"])[2]["idx"][0]
