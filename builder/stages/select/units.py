"""Units that the split must not divide (method, section 6).

Units are groups, joined where their pixels require it, or batches. A group is the specimen, by its name alone: sources
that hold the same specimens name them alike (``shared:…``). Groups that hold the same whole image are one unit. Where
the split is by batch, so are all groups that share one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.draw import U64, row_keys
from builder.stages.select.unions import unions

Ints = npt.NDArray[np.int64]

_NAMED: Final = 20


class Units(NamedTuple):
    """The unit of each example, and what identifies each unit.

    Units are numbered from 0; the draw of the split knows them by these identifiers.
    """

    codes: Ints  # shape (n,)
    keys: U64  # one per unit


class Groups(NamedTuple):
    """The groups of examples, coded in order of name."""

    codes: Ints  # shape (n,)
    names: pa.Array
    keys: U64  # from the source and the name

    @classmethod
    def of(cls, dir_names: pa.ChunkedArray, groups: pa.ChunkedArray) -> Groups:
        """Number the groups of examples.

        A group that several sources hold has the key of the first.
        """
        codes, names = ranked(groups)
        pairs = pa.table({"code": codes, "dir_name": dir_names.cast(pa.string())}).group_by("code")
        sources = pairs.aggregate([("dir_name", "min")]).sort_by("code")["dir_name_min"]
        return cls(codes, names, row_keys(pc.binary_join_element_wise(sources, names, "\x1f")))


def ranked(texts: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Return codes in code point order, and their texts.

    The code of null is -1.
    """
    coded = texts.cast(pa.string()).combine_chunks().dictionary_encode()
    order = pc.sort_indices(coded.dictionary)
    rank = np.empty(len(order), np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    places = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
    return np.where(places < 0, -1, np.append(rank, -1)[places]), coded.dictionary.take(order)


def merged_by_content(groups: Groups, contents: Ints, alike: Iterable[tuple[int, int]] = ()) -> Ints:
    """Return for each group the first that shares its images.

    Groups may share images directly or through others.

    Parameters
    ----------
    contents : shape (n,), code of the whole image of each example, -1 where that is not known
    alike : more pairs of groups that belong together
    """
    pairs = np.unique(np.stack([contents, groups.codes])[:, contents >= 0], axis=1)
    same = np.flatnonzero(np.diff(pairs[0]) == 0)
    links = zip(pairs[1, same].tolist(), pairs[1, same + 1].tolist(), strict=True)
    return unions(len(groups.names), [*links, *alike])


def units(groups: Groups, parent: Ints, chosen: Ints, batches: pa.ChunkedArray | None) -> Units:
    """Return the units of the chosen examples.

    Parameters
    ----------
    parent : of each group, see `merged_by_content`
    chosen : places of the examples
    batches : of the chosen examples, null where unknown; None where the split is by group
    """
    whole = parent[groups.codes[chosen]]
    if batches is not None:
        batch, names = ranked(batches)
        known = batch >= 0
        pairs = np.unique(np.stack([whole[known], batch[known]]), axis=1)
        count = len(parent)
        whole = unions(count + len(names), zip(pairs[0].tolist(), (pairs[1] + count).tolist(), strict=True))[whole]
    found, codes = np.unique(whole, return_inverse=True)
    return Units(codes.reshape(-1), groups.keys[found])


def merges(groups: Groups, parent: Ints) -> dict[str, Any]:
    """Return the numbers of groups merged, with a few names."""
    joined = np.flatnonzero(np.bincount(parent, minlength=len(parent))[parent] > 1)
    sets: dict[int, list[str]] = {}
    for code, name in zip(joined.tolist(), groups.names.take(pa.array(joined)).to_pylist(), strict=True):
        sets.setdefault(int(parent[code]), []).append(name)
    return {"groups": len(joined), "units": len(sets), "names": list(sets.values())[:_NAMED]}
