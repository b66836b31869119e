"""Fuzz the image readers.

    python -m tests.pixels.fuzz_readers CORPUS [libFuzzer options, such as -max_total_time=3600]

Needs atheris (https://github.com/google/atheris). CORPUS is a folder; it is filled first with made-up files of every
kind that the tests know: TIFF in all its variants, among them STK, ``.flex`` and JPEG XR, PNG, JPEG, BMP, DIB,
DeltaVision; no reader reads Zarr. A finding is anything but pixels of the promised form or a RejectedError: another
exception, a crash, an input that takes over 2 seconds of the processor, ``-timeout`` seconds by the clock (60, so
that a busy machine is no finding) or ``-rss_limit_mb`` (1024).
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["builder.pixels.formats", "builder.pixels.read", "cytoimagenet_reader.png.chunks"]
):
    import numpy as np

    from builder.errors import RejectedError
    from builder.pixels.read import MAX_PROJECTION, MIDDLE_PLANE, read_channels

MAX_PIXELS = 1_000_000
MOST_SECONDS = 2  # of the processor
PLANES = (0, 1, MIDDLE_PLANE, MAX_PROJECTION)


def check(data: bytes) -> None:
    """Read one input within its time."""
    began = time.process_time()
    check_input(data)
    seconds = time.process_time() - began
    if seconds > MOST_SECONDS:
        raise TimeoutError(f"{seconds:.1f} s of the processor for {len(data)} bytes")


def check_input(data: bytes) -> None:
    """Read one input; its last byte chooses the options.

    They are the plane, and whether the image is oriented.
    """
    chosen = data[-1] if data else 0
    try:
        channels = read_channels(data[:-1], PLANES[chosen % len(PLANES)], MAX_PIXELS, oriented=chosen >= 128)
    except RejectedError:
        return
    for pixels in channels:
        check_pixels(pixels)


def check_pixels(pixels: np.ndarray) -> None:
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise TypeError(f"pixels of shape {pixels.shape}")
    if pixels.dtype.kind not in "buif" or not pixels.dtype.isnative or pixels.nbytes > 4 * MAX_PIXELS:
        raise TypeError(f"{pixels.nbytes} bytes of {pixels.dtype}")
    np.add.reduce(pixels, axis=None)  # touches every byte


def main() -> None:
    from tests.pixels.every_row import every_row
    from tests.pixels.made_up_files import files

    corpus = Path(sys.argv[1])
    corpus.mkdir(parents=True, exist_ok=True)
    for data in {*(data for _, data, _ in files()), *(bytes(row.make()) for row in every_row())}:
        check_input(data + b"\0")  # compiles what is to be compiled, outside any time limit
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data + b"\0")
    atheris.Setup([sys.argv[0], "-timeout=60", "-rss_limit_mb=1024", "-max_len=16384", *sys.argv[1:]], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
