"""The pictures that are chosen from, with what is known of their images, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.draw import U64, key64, mix64, row_keys
from builder.schema import METADATA
from builder.stages.label_index import encode

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Pictures(NamedTuple):
    """All pictures, made or refused, sorted by idx and candidate."""

    rows: pa.Table  # as `select` was given them
    images: pa.Table  # annotations of the assigned images, with their label and category
    image: Ints  # place of each picture's image in ``images``
    label: Ints  # code of its label
    labels: list[str]  # the names of the codes, sorted
    keys: U64  # one a picture, from seed, idx and candidate

    def by_label(self, kept: Mask) -> Iterator[tuple[str, Ints]]:
        """Yield each label and its kept pictures, in order; labels without any too."""
        places = np.flatnonzero(kept)
        places = places[np.argsort(self.label[places], kind="stable")]
        counts = np.bincount(self.label[places], minlength=len(self.labels))
        ends = np.cumsum(counts)
        for label, start, end in zip(self.labels, ends - counts, ends, strict=True):
            yield label, places[start:end]


class Fates:
    """Which pictures stay, and why the others do not; begins with what standardisation refused."""

    def __init__(self, rows: pa.Table) -> None:
        self.reasons: list[str | None] = rows["reason"].to_pylist()
        self.details: list[str | None] = rows["detail"].to_pylist()
        self.made: Mask = np.array([reason is None for reason in self.reasons], bool)
        self.kept: Mask = self.made.copy()

    def drop(self, place: int, reason: str, detail: str) -> None:
        """Take a picture out."""
        self.kept[place] = False
        self.reasons[place] = reason
        self.details[place] = detail


def gather(rows: pa.Table, assignments: pa.Table, annotations: pa.Table, seed: int) -> Pictures:
    """Bring the tables together, see `builder.stages.select.select`, which also says what is raised."""
    images = _images(assignments, annotations)
    idx = images["idx"].combine_chunks()
    image = pc.index_in(rows["idx"], value_set=idx)
    if image.null_count:
        raise ValueError(f"select: image {rows['idx'].filter(image.is_null())[0]} has pictures but no label")
    place = image.to_numpy().astype(np.int64)
    candidate = rows["candidate"].to_numpy().astype(np.int64)
    rank = np.empty(len(idx), np.int64)
    rank[pc.sort_indices(idx).to_numpy()] = np.arange(len(idx))
    sort_key = rank[place] * 256 + candidate + 128
    order = np.argsort(sort_key, kind="stable")
    twice = np.flatnonzero(np.diff(sort_key[order]) == 0)
    if len(twice):
        first = int(order[twice[0]])
        raise ValueError(f"select: picture {candidate[first]} of {rows['idx'][first]} comes twice")
    place, candidate = place[order], candidate[order]
    label = encode(images["label"])
    keys = mix64(row_keys(idx)[place] ^ candidate.astype(np.uint64), key64(seed, "picture"))
    labels = [text for text in label.values if text is not None]
    return Pictures(rows.take(order), images, place, label.codes[place].astype(np.int64) - 1, labels, keys)


def _images(assignments: pa.Table, annotations: pa.Table) -> pa.Table:
    """Return the annotations of the assigned images with their label and category."""
    place = pc.index_in(assignments["idx"], value_set=annotations["idx"].combine_chunks())
    if place.null_count:
        strange = assignments["idx"].filter(place.is_null())[0]
        raise ValueError(f"select: image {strange} has a label but no annotation")
    wanted = [name for name in (*METADATA.names, "key") if name in annotations.column_names]
    images = annotations.select(wanted).take(place)
    return images.append_column("label", assignments["label"]).append_column("category", assignments["category"])
