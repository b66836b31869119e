"""``decode_batch``: order, errors and interruption."""

from __future__ import annotations

import re
import threading
import time

import numpy as np
import pytest

import cytoimagenet
from cytoimagenet_reader import decode as decoding
from cytoimagenet_reader.png.encoder import encode


def test_batches_decode_in_order() -> None:
    images = [np.full((5 + i, 8), i, np.uint8) for i in range(20)]
    coded = [encode(image) for image in images]
    for got, image in zip(cytoimagenet.decode_batch(coded, threads=3), images, strict=True):
        np.testing.assert_array_equal(got, image)
    resized = cytoimagenet.decode_batch(coded, (4, 4), threads=3)
    assert isinstance(resized, np.ndarray)
    assert [int(image.max()) for image in resized] == list(range(20))


def test_threads_raise_the_error_of_the_first_damaged_image() -> None:
    whole = encode(np.zeros((9, 9), np.uint8))
    coded = [whole] * 30 + [whole[:-30], b"<html>no image</html>"] + [whole] * 30
    with pytest.raises(ValueError) as alone:  # noqa: PT011 -- whatever it says, threads must say the same
        cytoimagenet.decode_batch(coded, threads=1)
    for _ in range(20):
        with pytest.raises(ValueError, match=re.escape(str(alone.value))):
            cytoimagenet.decode_batch(coded, threads=4)


def test_an_interrupted_batch_decodes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    here = threading.current_thread()

    def interrupted(data: bytes) -> None:
        begun.append(len(data))
        if threading.current_thread() is here:
            raise KeyboardInterrupt
        time.sleep(0.001)

    monkeypatch.setattr(decoding, "decode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cytoimagenet.decode_batch([b""] * 2000, threads=2)
    assert len(begun) < 2000
