"""What the split keeps whole.

Groups by name, joined by content or batch.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from builder.stages.select.units import Groups, merged_by_content, merges, ranked, units


def groups(names: list[str], dir_names: list[str] | None = None) -> Groups:
    return Groups.of(pa.chunked_array([dir_names or ["s"] * len(names)]), pa.chunked_array([names]))


def codes(names: list[str], contents: list[int], batches: list[str | None] | None = None) -> list[int]:
    found = groups(names)
    parent = merged_by_content(found, np.array(contents))
    of_batch = None if batches is None else pa.chunked_array([pa.array(batches, pa.string())])
    return units(found, parent, np.arange(len(names)), of_batch).codes.tolist()


def test_texts_are_ranked_and_null_is_none() -> None:
    found, names = ranked(pa.chunked_array([["b", None], ["a", "b"]]))
    assert (found.tolist(), names.to_pylist()) == ([1, -1, 0, 1], ["a", "b"])


def test_a_group_is_its_name() -> None:
    assert codes(["q", "p", "q"], [-1, -1, -1]) == [1, 0, 1]


def test_groups_of_one_content_are_one_through_others_too() -> None:
    assert codes(["p", "q", "r", "s", "q"], [1, 1, 2, 3, 2]) == [0, 0, 0, 1, 0]
    found = groups(["p", "q", "r", "s", "q"])
    parent = merged_by_content(found, np.array([1, 1, 2, 3, 2]))
    assert merges(found, parent) == {"groups": 3, "units": 1, "names": [["p", "q", "r"]]}


def test_pairs_that_look_alike_join_too() -> None:
    found = groups(["p", "q", "r"])
    assert merged_by_content(found, np.array([-1, -1, -1]), [(2, 0)]).tolist() == [0, 1, 0]


def test_batches_join_their_groups_and_groups_their_batches() -> None:
    names = ["a", "b", "b", "c", "d", "e"]
    batches = ["1", "1", "2", "2", None, "3"]
    assert codes(names, [-1] * 6, batches) == [0, 0, 0, 0, 1, 2]


def test_a_key_does_not_depend_on_what_else_is_there() -> None:
    few, many = groups(["p", "r"]), groups(["o", "p", "q", "r"])
    assert few.keys.tolist() == many.keys[[1, 3]].tolist()
    shared = groups(["p", "p"], ["t", "s"])
    assert shared.keys.tolist() == groups(["p"], ["s"]).keys.tolist()
