"""Union-find against a search through all pairs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from builder.stages.select.unions import unions


@given(st.integers(1, 12), st.data(), st.randoms(use_true_random=False))
def test_the_smallest_that_can_be_reached(count: int, data: st.DataObject, chance) -> None:
    node = st.integers(0, count - 1)
    pairs = data.draw(st.lists(st.tuples(node, node), max_size=15))
    wanted = []
    for start in range(count):
        seen = {start}
        while more := {b for pair in pairs for a, b in (pair, pair[::-1]) if a in seen} - seen:
            seen |= more
        wanted.append(min(seen))
    assert unions(count, pairs).tolist() == wanted
    assert unions(count, [pair[::-1] for pair in chance.sample(pairs, len(pairs))]).tolist() == wanted
