"""Pages of TIFF files are counted as written.

What is no whole TIFF has none.
"""

from __future__ import annotations

import io
import random
import struct

import numpy as np
import pytest
import tifffile

from builder.sources.common.tiff_pages import count_pages


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True], ids=["classic", "big"])
@pytest.mark.parametrize("pages", [1, 2, 7])
def test_pages_are_counted(pages: int, bigtiff: bool, byteorder: str) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=bigtiff, byteorder=byteorder) as writer:
        for page in range(pages):
            writer.write(np.full((8, 9), page, np.uint16), contiguous=False, metadata=None)
    assert count_pages(io.BytesIO(file.getvalue())) == pages
    whole = file.getvalue()
    for cut in range(0, len(whole), 7):  # cut within the directories, or within the last page's pixels
        assert count_pages(io.BytesIO(whole[:cut])) in (0, pages)


def test_a_chain_that_comes_back_has_no_pages() -> None:
    looped = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 0) + struct.pack("<I", 8)
    assert count_pages(io.BytesIO(looped)) == 0


def test_other_files_have_none() -> None:
    rng = random.Random(0)
    for content in (b"", b"II", b"II*\0", b"\x89PNG\r\n", b"II+\0" + b"\xff" * 40, rng.randbytes(400)):
        assert count_pages(io.BytesIO(content)) == 0
