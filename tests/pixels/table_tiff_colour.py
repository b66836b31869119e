"""Rows: photometric interpretations of TIFFs."""

from __future__ import annotations

from collections.abc import Iterator

import imagecodecs
import numpy as np
from PIL import Image as PillowImage

from tests.pixels.made_up_files import pillow
from tests.pixels.made_up_files import tiff as library_tiff
from tests.pixels.table import HEIGHT, WIDTH, Row, bits, grey, packed, samples
from tests.pixels.tiff_writer import Image, image, tiff


def rows() -> Iterator[Row]:
    yield from _grey_and_palettes()
    yield from _inks()
    yield from _luma()
    yield from _refused()


def _grey_and_palettes() -> Iterator[Row]:
    for dtype in ("uint8", "uint16", "uint32"):
        pixels = bits(int(dtype[4:]))
        yield Row(f"0 is white {dtype}", lambda p=pixels: tiff(image(p, t262=0)), np.iinfo(dtype).max - pixels)
    for count in (1, 4, 12):
        pixels = bits(count)
        wanted = ~pixels.astype(bool) if count == 1 else ((1 << count) - 1 - pixels).astype(pixels.dtype)
        found, body = {256: WIDTH, 257: HEIGHT, 258: count, 262: 0, 277: 1}, packed(pixels, count)
        yield Row(f"0 is white {count} bits", lambda f=found, b=body: tiff(Image(f, [b])), wanted)
    for dtype in ("float32", "int16"):
        yield Row(f"0 is white {dtype}", lambda d=dtype: tiff(image(grey(1, d), t262=0)), refused="0 is white")
    yield Row("no photometric interpretation", lambda: tiff(image(grey(), t262=None)), grey())
    yield Row("no photometric interpretation, three samples", lambda: tiff(image(samples(3), t262=None)), samples(3))
    for count in (1, 2, 4, 8, 16):
        pixels = bits(count)
        colours = np.random.default_rng(count).integers(0, 65536, (3, 1 << count), dtype=np.uint16)
        found = {256: WIDTH, 257: HEIGHT, 258: count, 262: 3, 277: 1, 320: (3, colours.ravel().tolist())}
        body = packed(pixels, count) if count < 16 else pixels.tobytes()
        wanted = np.moveaxis(colours[:, pixels], 0, -1)
        yield Row(f"palette of {count} bits", lambda f=found, b=body: tiff(Image(f, [b])), wanted)
        if count == 8:
            clear = {**found, 258: [8, 8], 277: 2, 338: 2}
            both = np.stack([pixels, grey(9)], axis=2).tobytes()
            yield Row("palette with opacity", lambda f=clear, b=both: tiff(Image(f, [b])), wanted)
            short = {**found, 320: (3, [0] * 255)}
            yield Row("palette that is short", lambda f=short, b=body: tiff(Image(f, [b])), refused="palette of 255")
            none = {**found, 320: None}
            yield Row("palette that is missing", lambda f=none, b=body: tiff(Image(f, [b])), refused="palette of 0")
    yield Row("indices of another colour", lambda: tiff(image(grey(), t346=1)), refused="indices")


def _inks() -> Iterator[Row]:
    for dtype in ("uint8", "uint16"):
        top = np.iinfo(dtype).max
        inks = np.random.default_rng(4).integers(0, top, (HEIGHT, WIDTH, 4), dtype=dtype, endpoint=True)
        left = 1 - inks.astype(np.float64) / top
        light = left[..., :3] * left[..., 3:] * top
        wanted = np.rint(light).astype(dtype)
        for order in "<>":
            name = f"CMYK {dtype} {order}"
            yield Row(name, lambda p=inks, o=order: tiff(image(p, o, t262=5), order=o), wanted, tolerance=0.51)
        planar = {**image(inks, t262=5, t284=2).tags}
        strips = [inks[..., k].tobytes() for k in range(4)]
        yield Row(f"CMYK {dtype} separate", lambda t=planar, s=strips: tiff(Image(t, s)), wanted, tolerance=0.51)
        five = np.concatenate([inks, inks[..., :1]], axis=2)
        yield Row(f"CMYK {dtype} with opacity", lambda p=five: tiff(image(p, t262=5, t338=2)), wanted, tolerance=0.51)
        yield Row(f"CMYK {dtype} of other inks", lambda p=inks: tiff(image(p, t262=5, t332=2)), refused="inks")
        backward = (3, [top, 0])
        yield Row(
            f"CMYK {dtype}, 0 is all ink",
            lambda p=inks, b=backward: tiff(image(p, t262=5, t336=b)),
            refused="inks with a range",
        )
    rgb = PillowImage.fromarray(samples(3))
    yield Row(
        "CMYK by Pillow, LZW",
        lambda: pillow(rgb.convert("CMYK"), "TIFF", compression="tiff_lzw"),
        samples(3),
        tolerance=1,
    )
    yield Row(
        "CMYK of three samples", lambda: tiff(image(samples(3), t262=5)), refused="interpretation 5 and 3 samples"
    )


def luma_of(rgb: np.ndarray) -> np.ndarray:
    """ITU-R BT.601, full range, chroma around 128."""
    r, g, b = (rgb[..., k].astype(float) for k in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return np.rint(np.stack([y, (b - y) / 1.772 + 128, (r - y) / 1.402 + 128], axis=-1)).clip(0, 255).astype(np.uint8)


def _luma() -> Iterator[Row]:
    rgb = samples(3, 5)
    luma = luma_of(rgb)
    whole = {262: 6, 530: [1, 1]}
    tags = {**image(luma).tags, **whole}
    yield Row("YCbCr", lambda: tiff(Image(tags, [luma.tobytes()])), rgb, tolerance=1)
    strips = [luma[..., k].tobytes() for k in range(3)]
    yield Row("YCbCr separate", lambda: tiff(Image({**tags, 284: 2}, strips)), rgb, tolerance=1)
    for number, encode in ((5, imagecodecs.lzw_encode), (8, imagecodecs.zlib_encode)):
        body = bytes(encode(luma.tobytes()))
        yield Row(
            f"YCbCr compression {number}", lambda b=body, n=number: tiff(Image({**tags, 259: n}, [b])), rgb, tolerance=1
        )
    yield Row("YCbCr by Pillow", lambda: pillow(PillowImage.fromarray(rgb).convert("YCbCr"), "TIFF"), rgb, tolerance=1)
    narrow = np.rint(luma * [219 / 255, 224 / 255, 224 / 255] + [16, 16 - 128 * 224 / 255 + 112, 0]).astype(np.uint8)
    narrow = np.rint(
        np.stack(
            [
                luma[..., 0] * (219 / 255) + 16,
                (luma[..., 1] - 128.0) * (224 / 255) + 128,
                (luma[..., 2] - 128.0) * (224 / 255) + 128,
            ],
            axis=-1,
        )
    ).astype(np.uint8)
    studio = (5, [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1])
    yield Row("YCbCr from 16 to 235", lambda: tiff(Image({**tags, 532: studio}, [narrow.tobytes()])), rgb, tolerance=2)
    for across, down in ((2, 2), (2, 1), (1, 2), (4, 1), (4, 4), (4, 2)):
        flat = np.repeat(np.repeat(samples(3, 6)[::down, ::across], down, 0), across, 1)[:HEIGHT, :WIDTH]
        stored = luma_of(flat)  # colours that do not change within a unit
        high, wide = -(-HEIGHT // down), -(-WIDTH // across)
        whole_units = np.pad(stored, ((0, high * down - HEIGHT), (0, wide * across - WIDTH), (0, 0)), mode="edge")
        grid = whole_units.reshape(high, down, wide, across, 3)
        units = [[*grid[y, :, x, :, 0].ravel(), *grid[y, 0, x, 0, 1:]] for y in range(high) for x in range(wide)]
        found = {**tags, 530: [across, down]}
        body = bytes(int(n) for unit in units for n in unit)
        yield Row(f"YCbCr subsampled {across} x {down}", lambda f=found, b=body: tiff(Image(f, [b])), flat, tolerance=1)
        packed_body = bytes(imagecodecs.zlib_encode(body))
        yield Row(
            f"YCbCr subsampled {across} x {down}, deflated",
            lambda f=found, b=packed_body: tiff(Image({**f, 259: 8}, [b])),
            flat,
            tolerance=1,
        )
        if (across, down) == (2, 2):
            unsaid = {**found, 530: None}
            yield Row("YCbCr subsampled by default", lambda f=unsaid, b=body: tiff(Image(f, [b])), flat, tolerance=1)
    yield Row(
        "YCbCr subsampled 3 x 1",
        lambda: tiff(Image({**tags, 530: [3, 1]}, [luma.tobytes()])),
        refused=r"subsampling \(3, 1\)",
    )
    yield Row("YCbCr of 16 bits", lambda: tiff(image(samples(3, 5, "uint16"), t262=6)), refused="with 16 bits")
    yield Row("YCbCr of one sample", lambda: tiff(image(grey(), t262=6)), refused="interpretation 6 and 1 samples")
    # JPEG in TIFF, whose decoder turns colour itself
    for name, options in (("4:4:4", (1, 1)), ("4:2:2", (2, 1)), ("4:2:0", (2, 2))):
        smooth = np.repeat(np.repeat(rgb[::4, ::4], 4, 0), 4, 1)[:HEIGHT, :WIDTH]
        for tile in (None, (16, 32)):
            how = {"compressionargs": {"level": 98}, "subsampling": options, "tile": tile}
            yield Row(
                f"JPEG {name} tile={tile}",
                lambda p=smooth, h=how: library_tiff(p, photometric="rgb", compression="jpeg", **h),
                smooth,
                tolerance=14,
            )
    aperio = bytes(imagecodecs.jpeg2k_encode(luma, reversible=True, mct=False))
    yield Row(
        "JPEG 2000 of Aperio, YCbCr", lambda: tiff(Image({**image(rgb).tags, 259: 33003}, [aperio])), rgb, tolerance=1
    )
    for quality in (None, "grey"):
        pixels = np.repeat(np.repeat(rgb[::4, ::4], 4, 0), 4, 1)[:HEIGHT, :WIDTH]
        pixels = pixels[..., 0] if quality else pixels
        yield Row(
            f"JPEG by libtiff, with tables, {quality or 'colour'}",
            lambda p=pixels: pillow(PillowImage.fromarray(p), "TIFF", compression="jpeg", quality=98),
            pixels,
            tolerance=14,
        )
    as_stored = bytes(imagecodecs.jpeg8_encode(rgb, 100, colorspace="RGB", outcolorspace="RGB", subsampling="444"))
    plain = b"\xff\xd8" + as_stored[as_stored.index(b"\xff\xdb") :]  # without markers of JFIF or Adobe
    yield Row("JPEG of RGB as it is", lambda: tiff(Image({**image(rgb).tags, 259: 7}, [plain])), rgb, tolerance=2)
    mixed = pillow(PillowImage.fromarray(grey()), "JPEG", quality=98)
    yield Row(
        "JPEG of grey, 0 is white",
        lambda: tiff(Image({**image(grey()).tags, 259: 7, 262: 0}, [mixed])),
        255 - grey(),
        tolerance=2,
    )
    yield Row(
        "JPEG of another size",
        lambda: tiff(Image({**image(grey(), t256=30).tags, 259: 7}, [mixed])),
        refused=f"JPEG says {WIDTH} x {HEIGHT}",
    )
    yield Row(
        "JPEG of another number of samples",
        lambda: tiff(Image({**image(rgb).tags, 259: 7}, [mixed])),
        refused="3 samples with a JPEG of 1",
    )
    lossless = bytes(imagecodecs.ljpeg_encode(bits(12), bitspersample=12))
    yield Row(
        "lossless JPEG of 12 bits", lambda: tiff(Image({**image(bits(12), t258=12).tags, 259: 7}, [lossless])), bits(12)
    )
    yield Row("old-style JPEG that is whole", lambda: old_jpeg(mixed), grey(), tolerance=2)
    yield Row(
        "old-style JPEG in pieces",
        lambda: tiff(Image({**image(grey()).tags, 259: 6}, [b"x" * 40])),
        refused="old-style JPEG",
    )


def old_jpeg(stream: bytes) -> bytes:
    """Compression 6 whose JPEG stream tag 513 points to."""
    return tiff(
        Image(
            {
                **image(grey()).tags,
                259: 6,
                513: lambda offsets, counts: offsets[0],
                514: lambda offsets, counts: counts[0],
            },
            [stream],
        )
    )


def _refused() -> Iterator[Row]:
    for number, count, name in (
        (4, 1, "mask"),
        (8, 3, r"CIE L\*a\*b\*"),
        (9, 3, "ICC"),
        (10, 3, "ITU"),
        (32803, 1, "filter array"),
        (32844, 1, "log2"),
        (32845, 3, "log2"),
        (34892, 1, "linear raw"),
        (51177, 1, "depth"),
        (52527, 1, "semantic"),
        (7, 1, "unknown"),
        (999, 1, "unknown"),
    ):
        pixels = grey() if count == 1 else samples(count)
        yield Row(
            f"photometric {number}",
            lambda p=pixels, n=number: tiff(image(p, t262=n)),
            refused=rf"photometric interpretation {number} \(.*{name}",
        )
    lab = PillowImage.frombytes("LAB", (WIDTH, HEIGHT), samples(3).tobytes())
    yield Row("L*a*b* by Pillow", lambda: pillow(lab, "TIFF"), refused="interpretation 8")
