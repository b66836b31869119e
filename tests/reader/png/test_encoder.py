"""Encoding: valid PNGs of the same bytes that numpy gives.

Every reader reads them; an image has one filter, and its file is no larger than Pillow's.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import struct
import subprocess
import zlib

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from builder.draw import Draw
from builder.errors import RejectedError
from builder.pixels import normalize
from builder.pixels.candidates import candidates
from builder.pixels.read import read
from builder.recipe import Recipe
from cytoimagenet_reader.png import encoder
from tests.pixels.made_up_files import pillow
from tests.reader.png import numpy_deflate, numpy_filters


def scene(seed, height=300, width=340):
    """Return made-up noisy cells, like a standardised image."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    light = np.full((height, width), 60.0)
    for _ in range(25):
        centre_y, centre_x, radius = rng.integers(0, height), rng.integers(0, width), rng.uniform(8, 25)
        light += 700 * np.exp(-((y - centre_y) ** 2 + (x - centre_x) ** 2) / radius**2)
    return normalize.standardize([rng.poisson(light).astype(np.uint16)])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 70), st.integers(1, 70), st.sampled_from([2, 5, 256]))
def test_every_reader_gives_the_pixels_back(seed, height, width, levels):
    pixels = np.random.default_rng(seed).integers(0, levels, (height, width), dtype=np.uint8)
    packed = encoder.encode(pixels)
    image = Image.open(io.BytesIO(packed))
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), pixels)
    np.testing.assert_array_equal(imagecodecs.png_decode(packed), pixels)
    np.testing.assert_array_equal(read(packed), pixels)


def data_chunks(packed):
    """Return the contents of the IDAT chunks.

    Besides them there may be only IHDR and IEND.
    """
    assert packed[:16] == b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"
    at, chunks = 33, []
    while packed[at + 4 : at + 8] == b"IDAT":
        (length,) = struct.unpack_from(">I", packed, at)
        chunks.append(packed[at + 8 : at + 8 + length])
        at += 12 + length
    assert packed[at:] == b"\0\0\0\0IEND\xae\x42\x60\x82"
    return chunks


def test_rows_with_one_filter_in_four_bands_that_stand_alone():
    packed = encoder.encode(scene(1))
    assert struct.unpack(">IIBBBBB", packed[16:29]) == (340, 300, 8, 0, 0, 0, 0)
    chunks = data_chunks(packed)
    assert len(chunks) == 4
    rows = zlib.decompress(b"".join(chunks))
    assert len({rows[y * 341] for y in range(300)}) == 1
    chunks[0], chunks[-1] = chunks[0][2:], chunks[-1][:-4]  # less what makes a zlib stream of them
    for band, chunk in enumerate(chunks):
        inflate = zlib.decompressobj(-15)
        assert inflate.decompress(chunk) == rows[band * 75 * 341 : (band + 1) * 75 * 341]
        assert inflate.eof == (band == 3)


def test_a_small_image_is_one_chunk():
    assert len(data_chunks(encoder.encode(scene(1, 100, 300)))) == 1
    assert len(data_chunks(encoder.encode(np.zeros((3, 40_000), np.uint8)))) == 1  # fewer rows than bands


@pytest.mark.parametrize(("name", "filter_number"), [("few levels", 0), ("noise on a slope", 3), ("smooth", 4)])
def test_filter_suits_the_image(name, filter_number):
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:200, :200]
    pixels = {
        "few levels": rng.choice([0, 90, 200], (200, 200)),
        "noise on a slope": 50 + x // 2 + rng.integers(0, 40, (200, 200)),
        "smooth": 127 + 100 * np.sin(x / 15) * np.cos(y / 11) + rng.integers(0, 2, (200, 200)),
    }[name]
    packed = encoder.encode(pixels.astype(np.uint8))
    assert zlib.decompress(b"".join(data_chunks(packed)))[0] == filter_number


def test_the_same_bytes_as_with_numpy(monkeypatch):
    images = [scene(seed) for seed in range(4)] + [np.zeros((3, 5), np.uint8), np.zeros((300, 400), np.uint8)]
    ours = [encoder.encode(pixels) for pixels in images]
    monkeypatch.setattr(encoder, "deflate", numpy_deflate.deflate)
    monkeypatch.setattr(encoder, "filter_counts", numpy_filters.filter_counts)
    rows = {4: numpy_filters.paeth_rows, 3: numpy_filters.average_rows, 0: encoder.unfiltered_rows}
    monkeypatch.setattr(encoder, "_FILTERS", rows)
    assert [encoder.encode(pixels) for pixels in images] == ours


def test_no_larger_than_pillow_over_made_up_images():
    images = [scene(seed) for seed in range(12)]
    ours = sum(len(encoder.encode(pixels)) for pixels in images)
    assert ours <= sum(len(pillow(Image.fromarray(pixels), "PNG", compress_level=6)) for pixels in images)


@pytest.mark.skipif(not shutil.which("pngcheck"), reason="pngcheck is not installed")
def test_pngcheck_finds_nothing(tmp_path):
    for number, pixels in enumerate([scene(3), np.arange(256, dtype=np.uint8)[None], np.full((1, 1), 9, np.uint8)]):
        (tmp_path / f"{number}.png").write_bytes(encoder.encode(pixels))
    found = subprocess.run(["pngcheck", "-q", *sorted(tmp_path.iterdir())], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
PAGE = """<html><body><img id="image" src="data:image/png;base64,{data}"><pre id="levels"></pre><script>
const image = document.getElementById("image");
image.decode().then(() => {{
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const rgba = context.getImageData(0, 0, canvas.width, canvas.height).data;
  document.getElementById("levels").textContent = Array.from(rgba.filter((_, i) => i % 4 == 0)).join(" ");
}});
</script></body></html>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
@pytest.mark.parametrize(("height", "width"), [(190, 200), (60, 70)])
def test_a_browser_shows_the_pixels(tmp_path, height, width):
    pixels = scene(5, height, width)
    page = tmp_path / "page.html"
    page.write_text(PAGE.format(data=base64.b64encode(encoder.encode(pixels)).decode()))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    options += ["--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [BROWSER, *options, "--virtual-time-budget=10000", "--dump-dom", page.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    levels = re.search(r'<pre id="levels">([\d ]+)</pre>', shown)
    assert levels is not None, shown[-300:]
    np.testing.assert_array_equal(np.array(levels[1].split(), int).reshape(height, width), pixels)


@pytest.mark.parametrize("pixels", [np.zeros((3, 3)), np.zeros((0, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)])
def test_anything_else_is_a_mistake(pixels):
    with pytest.raises(ValueError, match="uint8"):
        encoder.encode(pixels)


@pytest.mark.real
def test_no_larger_than_pillow_over_real_images(real_data):
    ours = theirs = 0
    for path in sorted(p for p in real_data.rglob("*") if p.suffix.lower() in (".tif", ".png", ".bmp"))[::3]:
        try:
            images = candidates([read(path.read_bytes())], 2, Draw(0, path.name), Recipe())
        except RejectedError:
            continue
        for pixels in (p.pixels for p in images if p.pixels is not None):
            packed = encoder.encode(pixels)
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(packed))), pixels)
            ours += len(packed)
            theirs += len(pillow(Image.fromarray(pixels), "PNG", compress_level=6))
    assert 0 < ours <= theirs
