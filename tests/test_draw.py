"""Keys and draws that depend on names only."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.draw import Draw, key64, mix64, row_keys

texts = st.lists(st.text(max_size=30) | st.text("ab", max_size=20), max_size=20)


def test_key64_is_the_head_of_a_sha256() -> None:
    digest = hashlib.sha256(b"7\x1fdmso\x1fsample").digest()
    assert key64(7, "dmso", "sample") == int.from_bytes(digest[:8], "little")
    assert key64("a", "b") != key64("ab")


def test_mix64_is_splitmix64() -> None:
    """The first outputs for seed 1234567, as published.

    They come with the generator's reference code.
    """
    golden = 0x9E3779B97F4A7C15
    states = np.array([(1234567 + i * golden) % 2**64 for i in range(3)], np.uint64)
    assert mix64(states, 0).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    draw = Draw("x")
    draw._state = 1234567
    assert [draw.bits() for _ in range(3)] == mix64(states, 0).tolist()


@settings(deadline=None)
@given(texts)
def test_a_text_has_one_key_wherever_it_stands(words: list[str]) -> None:
    together = row_keys(pa.array(words, pa.string())).tolist()
    assert together == [row_keys(pa.array([word])).tolist()[0] for word in words]
    sliced = pa.array(["before", *words, "after"]).slice(1, len(words))
    assert row_keys(sliced).tolist() == together
    halves = pa.chunked_array([words[:3], words[3:]], pa.large_string())
    assert row_keys(halves).tolist() == together


@settings(deadline=None)
@given(st.sets(st.text(max_size=20), max_size=50))
def test_different_texts_have_different_keys(words: set[str]) -> None:
    assert len(set(row_keys(pa.array(sorted(words), pa.string())).tolist())) == len(words)


def test_texts_that_differ_little_have_different_keys() -> None:
    words = [f"source00-{n}" for n in range(200_000)] + ["a", "a\0", "\0a", "aaaaaaaa", "aaaaaaaa\0", "aaaaaaaaa", ""]
    keys = row_keys(pa.array(words))
    assert len(np.unique(keys)) == len(words)
    bits = np.unpackbits(keys.view(np.uint8)).reshape(-1, 64).mean(axis=0)
    assert np.abs(bits - 0.5).max() < 0.01  # every bit is set in half of them


def test_null_has_the_key_of_the_empty_text() -> None:
    assert row_keys(pa.array([None, ""], pa.string())).tolist()[0] == row_keys(pa.array([""])).tolist()[0]
