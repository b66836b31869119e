"""``decode`` and ``decode_resized`` against Pillow.

Pillow reads and resizes every PNG on its own.
"""

from __future__ import annotations

import io
import itertools
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import cytoimagenet
from cytoimagenet_reader import decode as decoding
from cytoimagenet_reader import resize
from cytoimagenet_reader.png.chunks import parse
from cytoimagenet_reader.png.decoder import decode_bands
from cytoimagenet_reader.png.encoder import encode
from tests.loading.made_package import pillow_png

pytestmark = pytest.mark.slow


def png(rows: bytes, width: int, height: int, pieces: int = 1, kind: bytes = b"\x08\0\0\0\0", level: int = -1) -> bytes:
    """Return a PNG of filtered rows, with several IDAT chunks."""
    data = zlib.compress(rows, level)
    cuts = np.linspace(0, len(data), pieces + 1).astype(int)
    idat = [(b"IDAT", data[a:b]) for a, b in itertools.pairwise(cuts)]
    chunks = [(b"IHDR", struct.pack(">II", width, height) + kind), (b"tEXt", b"a\0b"), *idat, (b"IEND", b"")]
    body = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def by_pillow(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.fixture(autouse=True, scope="module")
def compiled_from_the_first() -> Iterator[None]:
    """Few images are decoded here; Pillow would take them all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_PILLOW_WARMUP_IMAGES", 0)
        yield


def test_the_first_images_do_not_wait_for_compiled_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    monkeypatch.setattr(decoding, "_PILLOW_WARMUP_IMAGES", 3)
    monkeypatch.setattr(decoding, "_images_decoded", itertools.count())
    monkeypatch.setattr(decoding, "_kernels", lambda: loaded.append(True))
    pixels = scene("smooth", 190, 190, 1)
    resized = np.asarray(Image.fromarray(pixels).resize((50, 40), Image.Resampling.BILINEAR))
    data = encode(pixels)
    for _ in range(2):
        np.testing.assert_array_equal(cytoimagenet.decode(data), pixels)
    np.testing.assert_array_equal(cytoimagenet.decode_resized(data, (40, 50)), resized)
    assert not loaded
    cytoimagenet.decode(data)
    assert loaded == [True]


shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(st.data(), shapes, st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_any_rows_and_filters_decode_as_in_pillow(data: st.DataObject, shape: tuple[int, int], pieces: int) -> None:
    height, width = shape
    kinds = data.draw(st.lists(st.integers(0, 4), min_size=height, max_size=height))
    noise = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 256, (height, width + 1), np.uint8)
    noise[:, 0] = kinds
    image = png(noise.tobytes(), width, height, pieces)
    np.testing.assert_array_equal(cytoimagenet.decode(image), by_pillow(image))


@given(shapes, st.integers(0, 3), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_the_packages_own_pngs_decode_to_their_pixels(shape: tuple[int, int], noise: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = (np.add.outer(np.arange(shape[0]), np.arange(shape[1])) * 3 + rng.integers(0, 4**noise, shape)) % 256
    data = encode(pixels.astype(np.uint8))
    np.testing.assert_array_equal(cytoimagenet.decode(data), pixels)


def scene(kind: str, height: int, width: int, seed: int) -> np.ndarray[Any, Any]:
    """Return a made-up image that the builder writes in bands.

    uint8; there are four bands, with every filter, and runs here and there.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    light = {
        "noise on a slope": 40 + x / 4 + rng.normal(0, 6, (height, width)),
        "smooth": 127 + 100 * np.sin(x / 15) * np.cos(y / 11) + rng.integers(0, 2, (height, width)),
        "few levels": rng.choice([0, 90, 200], (height, width), p=[0.9, 0.05, 0.05]),
        "black bands": np.where(y * 4 // height % 2, rng.integers(0, 256, (height, width)), 0),
        "mostly black": np.where(rng.random((height, width)) < 0.02, 200, 0),
        "random": rng.integers(0, 256, (height, width)),
    }[kind]
    return np.clip(light, 0, 255).astype(np.uint8)


KINDS = ("noise on a slope", "smooth", "few levels", "black bands", "mostly black", "random")


@given(st.sampled_from(KINDS), st.integers(4, 300), st.integers(110, 400), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_images_in_bands_decode_to_their_pixels(kind: str, height: int, width: int, seed: int) -> None:
    pixels = scene(kind, max(height, 33_000 // width), width, seed)
    np.testing.assert_array_equal(cytoimagenet.decode(encode(pixels)), pixels)


def test_noisy_images_are_inflated_band_by_band() -> None:
    for kind in ("noise on a slope", "smooth", "black bands", "random"):
        assert banded_rows(encode(scene(kind, 200, 200, 1))) is not None, kind


def data_places(data: bytes) -> list[tuple[int, int]]:
    """Return the (start, end) of what the IDAT chunks hold."""
    at, places = 33, []
    while data[at + 4 : at + 8] != b"IEND":
        (length,) = struct.unpack_from(">I", data, at)
        places.append((at + 8, at + 8 + length))
        at += 12 + length
    return places


def banded_rows(data: bytes) -> np.ndarray[Any, Any] | None:
    """Return the rows, or None where bands are not decoded."""
    width, height = struct.unpack_from(">II", data, 16)
    rows, pixels = np.zeros((height, width + 1), np.uint8), np.zeros((height, width), np.uint8)
    return rows if decode_bands(data, parse(data).data, rows, pixels) else None


@given(st.sampled_from(KINDS), st.integers(0, 10), st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_bands_are_never_other_pixels(kind: str, seed: int, data: st.DataObject) -> None:
    whole = encode(scene(kind, 190, 190, seed))
    places = data_places(whole)
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        start, end = places[data.draw(st.integers(0, 3))]
        near = data.draw(st.sampled_from([start + 2, end - 9, start + 2]))  # headers and ends, where lengths are told
        at = data.draw(st.one_of(st.integers(start, end - 1), st.integers(near, min(near + 60, end - 1))))
        broken[at] = whole[at] ^ data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="CRC"):
        cytoimagenet.decode(bytes(broken))
    for start, end in places:  # damaged before the checksums were made
        broken[end : end + 4] = struct.pack(">I", zlib.crc32(broken[start - 4 : end]))
    packed = b"".join(bytes(broken[start:end]) for start, end in places)
    try:
        wanted = zlib.decompress(packed)
    except zlib.error:
        wanted = None
    rows = banded_rows(bytes(broken))
    if rows is not None:
        assert rows.tobytes() == wanted
    found = verdict(bytes(broken), decoding._kernels())
    assert verdict(bytes(broken), None) == found
    if wanted is None:  # libdeflate forgives a code that cannot be mistaken
        assert found in (None, verdict(whole, None))


def verdict(data: bytes, kernels: Any) -> bytes | None:
    """Return the decoded pixels; None where the file is refused.

    Compiled kernels decode them, or Pillow.
    """
    try:
        return decoding._pixels(data, kernels).tobytes()
    except ValueError:
        return None


@given(st.sampled_from(KINDS), st.booleans(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_file_is_accepted_or_refused_whatever_decodes_it(kind: str, ours: bool, data: st.DataObject) -> None:
    """Files are damaged, have skippable chunks or wrong row counts.

    Bytes are changed, cut off or inserted anywhere; there are as many rows as declared, or more.
    """
    pixels = scene(kind, 20, 190, 1)
    rows = np.zeros((20, 191), np.uint8)
    rows[:, 1:] = pixels
    more = data.draw(st.sampled_from([b"", b"\0" * 191, b"\5"]))
    whole = encode(pixels) if ours else png(rows.tobytes() + more, 190, 20, data.draw(st.integers(1, 3)))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = data.draw(st.binary(max_size=3))
    broken = whole[:at] + changed + whole[at + data.draw(st.integers(0, 3)) :]
    found = verdict(broken, decoding._kernels())
    assert verdict(broken, None) == found
    assert found in (None, pixels.tobytes())
    assert (verdict(whole, None) is None) == (verdict(whole, decoding._kernels()) is None) == bool(more and not ours)


def test_a_bomb_is_refused_within_its_declared_size() -> None:
    """100 MB of rows where 64 pixels are declared."""
    bomb = png(bytes(100_000_000), 8, 8)
    tracemalloc.start()
    for kernels in (None, decoding._kernels()):
        with pytest.raises(ValueError, match="damaged"):
            decoding._pixels(bomb, kernels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000 + len(bomb)


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("side", [20, 200])
def test_four_chunks_of_another_writer_are_no_bands(level: int, side: int) -> None:
    rows = np.random.default_rng(side).integers(0, 40, (side, side + 1)).astype(np.uint8)
    rows[:, 0] = 3
    image = png(rows.tobytes(), side, side, pieces=4, level=level)
    np.testing.assert_array_equal(cytoimagenet.decode(image), by_pillow(image))


@given(shapes, shapes, st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_resized_pixels_are_pillows(shape: tuple[int, int], size: tuple[int, int], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    wanted = np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(cytoimagenet.decode_resized(encode(pixels), size), wanted)


def test_most_shapes_are_resized_by_the_compiled_kernels() -> None:
    sides = (70, 97, 130, 256, 300)
    orders = [resize.first_pass((h, w), (224, 224)) for h in sides for w in sides]
    assert set(orders) <= {"rows", "columns"}  # else the pixels are Pillow's own, and slow


@pytest.mark.parametrize("mode", ["1", "RGB", "RGBA", "LA", "P"])
def test_other_pngs_are_left_to_pillow(mode: str) -> None:
    buffer = io.BytesIO()
    image = Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10))
    image.convert(mode).save(buffer, "png")
    np.testing.assert_array_equal(cytoimagenet.decode(buffer.getvalue()), np.asarray(Image.open(buffer).convert("L")))


def test_deeper_pixels_are_refused_not_cut_off() -> None:
    buffer = io.BytesIO()
    Image.new("I;16", (10, 6), 7).save(buffer, "png")
    with pytest.raises(ValueError, match="more than 8 bits"):
        cytoimagenet.decode(buffer.getvalue())


def test_the_first_images_have_the_same_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50)).astype(np.uint8)
    data = encode(pixels)
    resized = cytoimagenet.decode_resized(data, (20, 70))
    monkeypatch.setattr(decoding, "_kernels_after_warmup", lambda: None)
    np.testing.assert_array_equal(cytoimagenet.decode(data), pixels)
    np.testing.assert_array_equal(cytoimagenet.decode_resized(data, (20, 70)), resized)


def damaged() -> dict[str, bytes]:
    whole = pillow_png(np.random.default_rng(0).integers(0, 256, (9, 9)).astype(np.uint8))
    at = whole.index(b"IDAT") + 20
    return {
        "empty": b"",
        "text": b"<html>no image</html>" * 9,
        "truncated": whole[:-30],
        "flipped": whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :],
        "too few rows": png(bytes(10 * 8), 9, 9),
        "filter 9": png(b"\x09" + bytes(9), 9, 1),
    }


@pytest.mark.parametrize("name", damaged())
def test_damaged_images_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="damaged"):
        cytoimagenet.decode(damaged()[name])
