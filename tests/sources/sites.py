"""Made-up trees in the layout of the Recursion sets."""

from __future__ import annotations

from pathlib import Path

from tests.sources.files import write_image

SIX = ("nucleus", "er", "actin", "nucleoli", "mitochondria", "golgi")
PNG = (8, 9)


def write_site(images: Path, name: str, channels: str = "123456") -> None:
    """Write the channel files of a site, such as ``HUVEC-1/Plate1/AA03_s1``.

    They lie below the folder of the images.
    """
    for channel in channels:
        write_image(images / f"{name}_w{channel}.png", PNG)
