"""``loader``: columns, types, scales, transforms and names of its batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cytoimagenet

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


def test_named_batches(package: Path) -> None:
    batch = first(package, keys=("pixel_values", "labels"), columns=["idx"], channels=3)
    assert list(batch) == ["pixel_values", "labels", "idx"]
    assert batch["pixel_values"].shape == (16, 3, 8, 8)
    single = first(package, batch_size=None, keys=("pixel_values", "labels"), columns=["idx"])
    assert single["pixel_values"].shape == (1, 8, 8)
    assert single["labels"].shape == ()
    assert single["idx"] == first(package, columns=["idx"])[2]["idx"][0]
