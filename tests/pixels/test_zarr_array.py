"""Planes of Zarr arrays from the bytes of their files.

Expected pixels are those that were written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import RejectedError, UnavailableError
from builder.pixels.formats import zarr_array
from builder.pixels.formats.zarr_array import METADATA, ArrayFiles
from builder.pixels.read import read_channels

zarr = pytest.importorskip("zarr", minversion="3.1", reason="zarr-python 3 needs Python 3.11")
numcodecs = pytest.importorskip("numcodecs", reason="zarr-python 3 needs Python 3.11")

MOST = 100_000
DATA = np.random.default_rng(3).integers(1, 60_000, (2, 3, 37, 50), np.uint16)


def written(data: np.ndarray, **options: Any) -> dict[str, bytes]:
    """Return the files of an array, by name."""
    store: dict[str, Any] = {}
    zarr.create_array(store=zarr.storage.MemoryStore(store), data=data, **options)
    return {name: content.to_bytes() for name, content in store.items()}


def taken(files: dict[str, bytes], planes: Sequence[int], project: int = 1, fill: bool = False) -> ArrayFiles:
    """Return what the planes need, and nothing else."""
    metadata = {name: files[name] for name in METADATA if name in files}
    names = zarr_array.needed(metadata, planes, project, MOST)
    return ArrayFiles(metadata, {name: files[name] for name in names if name in files}, project, fill)


def read(files: ArrayFiles, plane: int) -> np.ndarray:
    [channel] = read_channels(files, plane, MOST)
    return channel


STORES = [
    {"zarr_format": 2, "chunks": (1, 1, 16, 20)},
    {"zarr_format": 2, "chunks": (2, 2, 37, 50), "chunk_key_encoding": {"name": "v2", "separator": "/"}},
    {"zarr_format": 2, "chunks": (1, 3, 10, 50), "compressors": None, "order": "F"},
    {"zarr_format": 3, "chunks": (1, 1, 37, 50)},
    {"zarr_format": 3, "chunks": (1, 1, 16, 20), "shards": (1, 1, 48, 60)},
    {"zarr_format": 3, "chunks": (1, 1, 16, 20), "shards": (2, 3, 32, 40), "compressors": None},
    {"zarr_format": 3, "chunks": (1, 1, 16, 20), "shards": (1, 1, 48, 60), "compressors": zarr.codecs.BloscCodec()},
    {"zarr_format": 2, "chunks": (1, 1, 37, 50), "compressors": numcodecs.Blosc()},
    {"zarr_format": 3, "chunks": (1, 2, 16, 20), "compressors": zarr.codecs.GzipCodec()},
    {"zarr_format": 3, "chunks": (1, 2, 16, 20), "compressors": zarr.codecs.BloscCodec(cname="lz4")},
]


@pytest.mark.parametrize("options", STORES, ids=lambda o: f"v{o['zarr_format']}-{o['chunks']}-{o.get('shards')}")
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<f4", "|u1"])
def test_planes_are_read_from_just_the_files_that_they_need(options: dict[str, Any], dtype: str) -> None:
    if dtype == ">u2" and options["zarr_format"] == 3:
        options = {**options, "serializer": zarr.codecs.BytesCodec(endian="big")}
    data = DATA.astype(dtype if options["zarr_format"] == 2 else dtype.replace(">", "<"))
    files = written(data, **options)
    for plane in (0, 4):
        found = read(taken(files, [plane]), plane)
        assert found.dtype == data.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, data[plane // 3, plane % 3])


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_shape_and_chunks_give_the_planes_in_their_order(data: st.DataObject) -> None:
    leading = data.draw(st.lists(st.integers(1, 3), max_size=3))
    shape = (*leading, *data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9))))
    chunks = tuple(data.draw(st.integers(1, side)) for side in shape)
    pixels = np.random.default_rng(0).integers(1, 255, shape, np.uint8)
    files = written(pixels, chunks=chunks, zarr_format=data.draw(st.sampled_from([2, 3])))
    planes = pixels.reshape(-1, *shape[-2:])
    plane = data.draw(st.integers(0, len(planes) - 1))
    np.testing.assert_array_equal(read(taken(files, [plane]), plane), planes[plane])
    with pytest.raises(RejectedError, match=f"plane {len(planes)} of {len(planes)}"):
        taken(files, [len(planes)])


def test_a_projection_is_the_largest_value_over_its_planes() -> None:
    files = taken(written(DATA, chunks=(1, 1, 37, 50)), [3], project=3)
    np.testing.assert_array_equal(read(files, 3), DATA[1].max(axis=0))


@pytest.mark.parametrize("version", [2, 3])
def test_a_plane_with_missing_chunks_is_refused_unless_they_are_meant_to_be_blank(version: int) -> None:
    files = written(DATA, chunks=(1, 1, 20, 50), zarr_format=version, fill_value=7)
    names = zarr_array.needed({n: files[n] for n in METADATA if n in files}, [1], 1, MOST)
    assert len(names) == 2
    del files[names[1]]
    with pytest.raises(RejectedError, match=r"1 of 2 chunks of plane 1 have no file.*missing_chunks"):
        read(taken(files, [1]), 1)
    np.testing.assert_array_equal(read(taken(files, [0]), 0), DATA[0, 0])  # no matter of the other planes
    filled = read(taken(files, [1], fill=True), 1)
    np.testing.assert_array_equal(filled[:20], DATA[0, 1, :20])
    assert np.unique(filled[20:]).tolist() == [7]
    del files[names[0]]
    with pytest.raises(RejectedError, match="2 of 2 chunks"):
        read(taken(files, [1]), 1)


@pytest.mark.parametrize("options", STORES, ids=range(len(STORES)))
def test_cut_or_changed_chunks_are_refused_and_never_read_as_other_pixels(options: dict[str, Any]) -> None:
    files = written(DATA, **options)
    whole = taken(files, [0])
    for name, content in whole.chunks.items():
        for broken in (b"", content[:1], content[: len(content) // 2], content[:-1]):
            with pytest.raises(RejectedError, match="zarr"):
                read(whole._replace(chunks={**whole.chunks, name: broken}), 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shape": [2, 3, 37_000, 50_000]}, "too_large: 50000 x 37000 pixels"),
        ({"chunks": [2, 3, 370, 500]}, "too_large: chunks of 1110000 values"),
        ({"dtype": "<c8"}, "unreadable"),
        ({"dtype": "|S4"}, "unreadable"),
        ({"shape": [3]}, "unreadable"),
        ({"shape": "x"}, "unreadable"),
        ({"zarr_format": 9}, "unreadable"),
        ({"compressor": {"id": "nonsense"}}, "unreadable"),
    ],
)
def test_metadata_that_cannot_be_used_are_refused_before_a_chunk_is_read(change: dict[str, Any], reason: str) -> None:
    metadata = json.loads(written(DATA, zarr_format=2, chunks=(1, 1, 37, 50))[".zarray"])
    with pytest.raises(RejectedError, match=reason):
        zarr_array.needed({".zarray": json.dumps({**metadata, **change}).encode()}, [0], 1, MOST)


def test_an_array_without_metadata_or_with_torn_ones_is_refused() -> None:
    for metadata in ({}, {"zarr.json": b"{"}, {".zarray": b"\xff"}):
        with pytest.raises(RejectedError, match="unreadable: zarr"):
            zarr_array.needed(metadata, [0], 1, MOST)


def test_without_the_library_it_is_a_fault_of_the_machine_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    zarr_array._module.cache_clear()
    zarr_array._opened.cache_clear()
    try:
        with pytest.raises(UnavailableError, match=r"cytoimagenet\[zarr\]"):
            zarr_array.needed({"zarr.json": b"{}"}, [0], 1, MOST)
    finally:
        zarr_array._module.cache_clear()
