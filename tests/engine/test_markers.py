from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from builder.engine import markers
from builder.engine.store import Store


@given(st.lists(st.text()), st.lists(st.text()))
def test_different_parts_have_different_fingerprints(a: list[str], b: list[str]) -> None:
    assert (markers.fingerprint(*a) == markers.fingerprint(*b)) == (a == b)


def test_a_unit_is_done_only_when_made_from_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert markers.is_done(store, "label", "abc") is None
    markers.mark_done(store, "label", "abc", rows=3, notes={"é": 1})
    assert markers.is_done(store, "label", "abc") == {"rows": 3, "notes": {"é": 1}}
    assert markers.is_done(store, "label", "abd") is None
    assert store.list() == ["markers/label.json"]


def test_a_marker_that_cannot_be_read_counts_for_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for content in (b"", b"{", b"[]", b"\xff\xfe", b'{"fingerprint": 1}'):
        store.write_bytes(markers.marker_path("x"), content)
        assert markers.is_done(store, "x", "abc") is None


def test_many_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for n in range(5):
        markers.mark_done(store, f"shard/{n}", f"made {n}", n=n)
    wanted = {f"shard/{n}": f"made {n}" for n in range(8)} | {"shard/2": "made otherwise"}
    assert markers.find_done(store, wanted) == {f"shard/{n}": {"n": n} for n in (0, 1, 3, 4)}
