"""Rows: JPEG of every kind, whole and cut."""

from __future__ import annotations

import io
from collections.abc import Iterator

import imagecodecs
import numpy as np
from PIL import Image as PillowImage

from tests.pixels.made_up_files import pillow
from tests.pixels.table import WIDTH, Row, bits, grey, samples


def rows() -> Iterator[Row]:
    yield from _jpegs()
    yield from _cut_jpegs()


def smooth(count: int = 1) -> np.ndarray:
    """Pixels that any JPEG keeps within a few levels."""
    y, x = np.mgrid[:40, :56]
    field = 120 + 80 * np.sin(x / 17) * np.cos(y / 13)
    return field.astype(np.uint8) if count == 1 else np.stack([field, 255 - field, field / 2], axis=2).astype(np.uint8)


def _jpegs() -> Iterator[Row]:
    one, three = smooth(), smooth(3)
    for name, options in (
        ("baseline", {}),
        ("progressive", {"progressive": True}),
        ("optimised", {"optimize": True}),
        ("with restarts", {"restart_marker_blocks": 3}),
    ):
        yield Row(
            f"JPEG {name}",
            lambda o=options: pillow(PillowImage.fromarray(one), "JPEG", quality=97, **o),
            one,
            tolerance=1,
        )
        for subsampling in (0, 1, 2):
            yield Row(
                f"JPEG {name} colour {subsampling}",
                lambda o=options, s=subsampling: pillow(
                    PillowImage.fromarray(three), "JPEG", quality=97, subsampling=s, **o
                ),
                three,
                tolerance=2,
            )
    yield Row(
        "JPEG CMYK",
        lambda: pillow(PillowImage.fromarray(three).convert("CMYK"), "JPEG", quality=97),
        three,
        tolerance=4,
    )
    inks = pillow(PillowImage.fromarray(three).convert("CMYK"), "JPEG", quality=97)
    marker = inks.index(b"\xff\xee")
    unsaid = inks[:marker] + inks[marker + 2 + int.from_bytes(inks[marker + 2 : marker + 4], "big") :]
    yield Row("JPEG CMYK that nobody explains", lambda: unsaid, refused="four inks without")
    yield Row(
        "JPEG RGB, as Adobe says",
        lambda: pillow(PillowImage.fromarray(three), "JPEG", quality=97, keep_rgb=True),
        three,
        tolerance=1,
    )
    deep = (bits(12) // 64 * 64).astype(np.uint16)
    deep[:] = np.linspace(0, 4095, WIDTH).astype(np.uint16)
    yield Row("JPEG of 12 bits", lambda: imagecodecs.jpeg8_encode(deep, 99, bitspersample=12), deep, tolerance=8)
    deep_colour = np.stack([deep, deep[:, ::-1], deep // 2], axis=2)
    yield Row(
        "JPEG of 12 bits, colour",
        lambda: imagecodecs.jpeg8_encode(deep_colour, 99, bitspersample=12, subsampling="444"),
        deep_colour,
        tolerance=20,
    )
    for count in (8, 10, 12, 14, 16):
        pixels = bits(count)
        yield Row(
            f"lossless JPEG file of {count} bits",
            lambda p=pixels, n=count: imagecodecs.ljpeg_encode(p, bitspersample=n),
            pixels,
        )
        yield Row(f"JPEG-LS of {count} bits", lambda p=pixels: imagecodecs.jpegls_encode(p), pixels)
    for predictor in range(1, 8):
        yield Row(
            f"lossless JPEG, predictor {predictor}",
            lambda n=predictor: imagecodecs.jpeg8_encode(grey(), lossless=True, predictor=n),
            grey(),
        )
    yield Row("lossless JPEG by libjpeg, 16 bits", lambda: imagecodecs.jpeg8_encode(bits(16), lossless=True), bits(16))
    yield Row("JPEG-LS of colour", lambda: imagecodecs.jpegls_encode(samples(3)), samples(3))
    yield Row("JPEG-LS, nearly", lambda: imagecodecs.jpegls_encode(grey(), level=2), grey(), tolerance=2)
    base = pillow(PillowImage.fromarray(one), "JPEG")
    for frame, name in ((0xC5, "hierarchical"), (0xCB, "lossless, arithmetic"), (0xCF, "hierarchical lossless")):
        other = base.replace(b"\xff\xc0", bytes([0xFF, frame]), 1)
        yield Row(f"JPEG of frame {frame:#x}", lambda d=other: d, refused=name)
    yield Row(
        "JPEG of two frames",
        lambda: base.replace(b"\xff\xc4", base[base.index(b"\xff\xc0") :][:13] + b"\xff\xc4", 1),
        refused="several frames",
    )
    yield Row("JPEG without a frame", lambda: b"\xff\xd8\xff\xd9" + bytes(20), refused="without a frame")
    yield Row("JPEG with bytes after its end", lambda: base + b"noise" * 50, as_pillow(base))


def as_pillow(data: bytes) -> np.ndarray:
    return np.asarray(PillowImage.open(io.BytesIO(data)))


def _cut_jpegs() -> Iterator[Row]:
    noisy = np.random.default_rng(3).integers(0, 255, (40, 56, 3), dtype=np.uint8)
    for name, options in (
        ("baseline", {}),
        ("progressive", {"progressive": True}),
        ("with restarts", {"restart_marker_blocks": 2}),
    ):
        for kind, pixels in (("grey", noisy[..., 0]), ("colour", noisy), ("smooth", smooth(3))):
            whole = pillow(PillowImage.fromarray(pixels), "JPEG", quality=90, **options)
            wanted = as_pillow(whole)
            label = f"JPEG {name} {kind}"
            yield Row(f"{label} without its end marker", lambda w=whole: w[:-2], wanted)
            yield Row(f"{label} without half of its end marker", lambda w=whole: w[:-1], wanted)
            for cut in (8, 60, len(whole) // 3):
                yield Row(f"{label} cut by {cut}", lambda w=whole, n=cut: w[:-n], refused="JPEG")
            yield Row(
                f"{label} cut by a quarter, then ended", lambda w=whole: w[: -len(w) // 4] + b"\xff\xd9", refused="JPEG"
            )
            yield Row(
                f"{label} that ends in zeros", lambda w=whole: w[: -len(w) // 3] + bytes(len(w) // 3), refused="JPEG"
            )
    flat = pillow(PillowImage.fromarray(np.full((40, 56), 77, np.uint8)), "JPEG")
    yield Row("JPEG of one grey", lambda: flat, np.full((40, 56), 77, np.uint8))
    lossless = bytes(imagecodecs.ljpeg_encode(bits(12), bitspersample=12))
    yield Row("lossless JPEG that was cut", lambda: lossless[:-100], refused="JPEG")
    for cut in (50, 300):
        for name, whole in (("lossless JPEG", lossless), ("JPEG-LS", bytes(imagecodecs.jpegls_encode(bits(12))))):
            data = whole[:-cut] + b"\xff\xd9"
            yield Row(f"{name} cut by {cut}, then ended", lambda d=data: d, refused="(?i)jpeg")
    yield Row("JPEG-LS that was cut", lambda: bytes(imagecodecs.jpegls_encode(bits(12)))[:-100], refused="JPEG")
