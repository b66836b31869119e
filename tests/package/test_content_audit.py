"""The audit by content.

It finds what is on both sides without idx and group.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from builder.package.content_audit import content_audit
from builder.pixels.fingerprint import fingerprint
from builder.schema import FINGERPRINTS
from tests.pixels.test_alike import changed
from tests.pixels.test_thumbnail import texture


def tables(images: list[np.ndarray], sides: list[str], known: bool = True) -> tuple[pa.Table, pa.Table]:
    """Return examples, one per image and side, and their fingerprints."""
    prints = [fingerprint(image) for image in images]
    rows = pa.table({"sha256": [one.sha256 for one in prints], "split": sides})
    wholes = sorted({one.sha256: one.thumbnail for one in prints}.items())
    columns = list(zip(*wholes, strict=True)) if known else [[], []]
    return rows, pa.table([pa.array(list(c), f.type) for c, f in zip(columns, FINGERPRINTS, strict=True)], FINGERPRINTS)


def test_the_same_image_turned_is_the_same_and_a_changed_copy_is_alike() -> None:
    rng = np.random.default_rng(0)
    fields = [texture(seed) for seed in range(12)]
    images = [*fields, np.rot90(fields[3]).copy(), changed(fields[5], rng)]
    found = content_audit(*tables(images, ["train"] * 12 + ["validation"] * 2))
    assert [(pair.train, pair.validation) for pair in found.same] == [(3, 12)]
    assert [(pair.train, pair.validation) for pair in found.alike] == [(5, 13)]
    assert found.alike[0].correlation > 0.77
    assert found.compared == (11, 1)
    assert found.unknown == 0


def test_copies_on_one_side_are_nobodys_business() -> None:
    fields = [texture(seed) for seed in range(6)]
    images = [*fields, changed(fields[0], np.random.default_rng(1)), fields[1]]
    found = content_audit(*tables(images, ["train"] * 3 + ["validation"] * 3 + ["train"] * 2))
    assert (found.same, found.alike) == ([], [])


def test_several_examples_of_an_image_count_once_by_the_first_row() -> None:
    one, other = texture(0), texture(1)
    images = [one, one, other, changed(one, np.random.default_rng(2))]
    found = content_audit(*tables(images, ["train", "train", "validation", "validation"]))
    assert [(pair.train, pair.validation) for pair in found.alike] == [(0, 3)]
    assert found.compared == (1, 2)


def test_what_is_not_known_is_said_and_not_compared() -> None:
    rows, prints = tables([texture(0), texture(1)], ["train", "validation"])
    rows = rows.set_column(0, "sha256", pa.array([None, rows["sha256"][1].as_py()]))
    found = content_audit(rows, prints)
    assert (found.unknown, found.compared) == (1, (0, 1))
    found = content_audit(*tables([texture(0), texture(1)], ["train", "validation"], known=False))
    assert (found.unknown, found.compared, found.alike) == (0, (0, 0), [])
