"""``loader(decode=False)``: PNGs as views of record batches.

The record batches hold the PNGs.
"""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pyarrow as pa
import pytest

import cytoimagenet
from tests.loading.server import Faults, serving

torch = pytest.importorskip("torch")
data = pytest.importorskip("torch.utils.data")


def stored(package: Path) -> dict[str, bytes]:
    """Return the training shards' PNGs, by idx and label."""
    found = {}
    for path in (package / "data").rglob("train*.arrow"):
        for row in pa.ipc.open_stream(path.read_bytes()).read_all().to_pylist():
            found[f"{row['idx']} {row['label']}"] = row["image"]["bytes"]
    return found


@pytest.fixture(params=["arrow", "parquet", "remote"])
def place(request: pytest.FixtureRequest, package: Path, parquet_package: Path) -> Iterator[str]:
    """One package: mapped in either format, and fetched."""
    if request.param == "remote":
        pytest.importorskip("aiohttp")
        with serving(package, Faults()) as url:
            yield url
    else:
        yield str(package if request.param == "arrow" else parquet_package)


def test_views_are_the_stored_bytes_and_outlive_what_gave_them(place: str, package: Path) -> None:
    loader = cytoimagenet.loader(place, decode=False, columns=["idx"], batch_size=50)
    names, classes, views = [], loader.classes, []
    for images, labels, more in loader:
        assert isinstance(images, list)
        views += images
        names += [f"{idx} {classes[label]}" for idx, label in zip(more["idx"], labels.tolist(), strict=True)]
    del loader, images
    gc.collect()
    assert all(isinstance(view, memoryview) and isinstance(view.obj, pa.Buffer) and view.readonly for view in views)
    assert {name: bytes(view) for name, view in zip(names, views, strict=True)} == stored(package)
    assert len(views) == 216
    with pytest.raises(TypeError, match="memoryview"):
        pickle.dumps(views[0])


def test_views_of_the_images_of_tables(package: Path, parquet_package: Path, tmp_path: Path) -> None:
    rows = cytoimagenet.open(package, columns=["image", "label", "idx"])
    names = rows.features["label"].names
    streamed = cytoimagenet.CytoImageNet(data_dir=package, cache_dir=str(tmp_path)).as_streaming_dataset("train")
    opened = cytoimagenet.open(parquet_package)
    for source, count in ((rows, 216), (rows.select(range(5, 200)), 195), (opened, 216), (streamed, 216)):
        found = {}
        tables = list(source.with_format("arrow").iter(30))
        for table in tables:
            views = cytoimagenet.image_views(table)
            assert all(view.readonly for view in views)
            for view, idx, label in zip(views, table["idx"].to_pylist(), table["label"].to_pylist(), strict=True):
                found[f"{idx} {names[label]}"] = bytes(view)
        assert len(found) == sum(map(len, tables)) == count
        assert found.items() <= stored(package).items()
    [batch] = tables[0].select(["image"]).slice(3, 4).combine_chunks().to_batches()
    assert [bytes(view) for view in cytoimagenet.image_views(batch)] == [
        image["bytes"] for image in tables[0]["image"].to_pylist()[3:7]
    ]
    with pytest.raises(KeyError, match="image"):
        cytoimagenet.image_views(batch.rename_columns(["other"]))
    plain = [{"bytes": b"one"}, {"bytes": b""}, {"bytes": b"three"}, {"bytes": None}]
    for kind in (pa.binary(), pa.large_binary()):
        images = pa.array(plain, pa.struct([("bytes", kind)]))
        for given in (images, images[1:]):
            found = cytoimagenet.image_views(pa.table([given], ["image"]))
            assert [bytes(view) for view in found] == [b"one", b"", b"three", b""][-len(given) :]
    assert cytoimagenet.image_views(pa.table([images[:0]], ["image"])) == []
    for wrong in ([1], [{"path": "a.png"}], [{"bytes": 1}], [b"one"]):
        with pytest.raises(TypeError, match=r"the column image holds .*, not the bytes of images"):
            cytoimagenet.image_views(pa.table({"image": pa.array(wrong)}))


def test_they_come_in_the_order_of_decoded_images(package: Path) -> None:
    options: dict[str, Any] = {"size": None, "seed": 3, "balanced": True, "batch_size": 20}
    plain, undecoded = cytoimagenet.loader(package, **options), cytoimagenet.loader(package, decode=False, **options)
    decoded = iter(plain)
    for _ in range(3):
        next(decoded)
    undecoded.load_state_dict(plain.state_dict())
    for (images, labels), (views, same) in zip(decoded, undecoded, strict=True):
        assert torch.equal(labels, same)
        for image, view in zip(images, views, strict=True):
            assert (image.numpy() == cytoimagenet.decode(view)).all()


@pytest.mark.parametrize("batch_size", [64, None])
def test_a_transform_is_called_with_each(package: Path, batch_size: int | None) -> None:
    options: dict[str, Any] = {"transform": bytes, "batch_size": batch_size, "shuffle": False}
    loader = cytoimagenet.loader(package, "phenotype", decode=False, **options)
    found = [image for images, _ in loader for image in (images if batch_size else [images])]
    opened = cytoimagenet.open(package, "phenotype").cast_column("image", datasets.Image(decode=False))
    assert found == [row["image"]["bytes"] for row in opened]


def test_a_worker_passes_on_bytes_alone(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"decode": False, "shuffle": False}
    here = [images for images, _ in cytoimagenet.loader(package, "phenotype", **options)]
    monkeypatch.setattr(data, "get_worker_info", lambda: SimpleNamespace(id=0, num_workers=1, seed=0))
    with pytest.raises(ValueError, match=r"use num_workers=0, or transform=bytes"):
        next(iter(cytoimagenet.loader(package, "phenotype", **options)))
    there = [images for images, _ in cytoimagenet.loader(package, "phenotype", transform=bytes, **options)]
    assert pickle.loads(pickle.dumps(there)) == here  # bytes equal a view of the same


@pytest.mark.parametrize(
    "pixels",
    [{"channels": 3}, {"channels_last": True}, {"dtype": torch.float32, "normalize": (0, 1)}],
    ids=lambda pixels: next(iter(pixels)),
)
def test_what_is_said_of_pixels_has_no_meaning_there(package: Path, pixels: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"decode=False gives PNGs as they are stored: leave out {', '.join(pixels)}"):
        cytoimagenet.loader(package, decode=False, **pixels)
