"""What the explorer computes.

Which examples, what they look like, and where they lie.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from builder.draw import Draw
from builder.engine.store import Store
from builder.errors import UserError
from builder.inspect.explorer.choose import choose
from builder.inspect.explorer.embeddings import write_embeddings
from builder.inspect.explorer.features import LENGTH, features
from builder.inspect.explorer.map import read_embeddings
from builder.inspect.explorer.project import alike_classes, near_copies, principal_axes, standardised
from builder.inspect.explorer.refused import Refused
from builder.inspect.explorer.rows import coded, records
from builder.inspect.source_images import SourceImages
from builder.pixels.candidates import candidates
from builder.recipe import Recipe
from builder.sources import source_at
from builder.sources.common.folder import Folder
from builder.stages.annotate.annotate_source import image_number
from tests.inspect.explorer.conftest import CLASSES, PER_CLASS

pytestmark = pytest.mark.slow


@given(st.lists(st.tuples(*(st.integers(0, 2) for _ in range(4))), min_size=1, max_size=60), st.integers(1, 12))
def test_no_source_or_scale_is_missing_for_being_rare(rows: list[tuple[int, int, int, int]], most: int) -> None:
    classes = np.array([row[0] for row in rows])
    table = pa.table(
        {
            "dir_name": [f"s{row[1]}" for row in rows],
            "scaling": [0.5 * row[2] for row in rows],
            "split": [("train", "validation")[row[3] % 2] for row in rows],
            "shard": ["data/a"] * len(rows),
            "position": list(range(len(rows))),
        }
    )
    chosen = choose(table, classes, most)
    assert len(set(chosen.tolist())) == len(chosen)
    assert (np.diff(classes[chosen]) >= 0).all()
    for number in set(classes.tolist()):
        mine = [place for place in chosen.tolist() if classes[place] == number]
        there = [place for place in range(len(rows)) if classes[place] == number]
        assert len(mine) == min(most, len(there))
        strata = {(rows[place][1], rows[place][2], rows[place][3] % 2) for place in there}
        shown = {(rows[place][1], rows[place][2], rows[place][3] % 2) for place in mine}
        assert len(shown) == min(len(strata), len(mine))


@pytest.mark.parametrize("turned", [np.rot90, np.flipud, np.fliplr, np.transpose])
def test_features_do_not_depend_on_how_an_example_lies(turned) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(1)
    smooth = rng.integers(0, 256, (8, 8), dtype=np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    pixels = np.clip(smooth.astype(int) + rng.integers(-20, 20, smooth.shape), 0, 255).astype(np.uint8)
    one, other = features(pixels), features(np.ascontiguousarray(turned(pixels)))
    assert one.shape == (LENGTH,)
    np.testing.assert_allclose(one, other, rtol=0.02, atol=0.005)


def test_features_tell_coarse_from_fine_and_dark_from_light() -> None:
    x = np.arange(128)
    coarse, fine = (
        np.tile(127 + 100 * np.sin(x * 2 * np.pi / period), (128, 1)).astype(np.uint8) for period in (64, 8)
    )
    peak = [int(np.argmax(features(pixels)[7:21])) for pixels in (coarse, fine)]
    assert peak[0] < peak[1]
    assert features(np.full((40, 50), 10, np.uint8))[5] < features(np.full((40, 50), 200, np.uint8))[5]


def test_principal_axes_are_those_of_numpys_decomposition() -> None:
    rng = np.random.default_rng(2)
    vectors = standardised(rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)))
    axes, shares = principal_axes(vectors)
    left, sizes, _ = np.linalg.svd(vectors, full_matrices=False)
    np.testing.assert_allclose(np.abs(axes), np.abs(left * sizes)[:, :4], atol=1e-8)
    np.testing.assert_allclose(shares, (sizes**2 / (sizes**2).sum())[:4], atol=1e-8)
    few, _ = principal_axes(standardised(vectors[:, :2]))
    assert few.shape == (200, 4)
    assert not few[:, 2:].any()


@given(st.lists(st.integers(0, 2**64 - 1), max_size=30), st.lists(st.integers(0, 63), max_size=3, unique=True))
def test_near_copies_are_all_pairs_of_few_bits(values: list[int], flipped: list[int]) -> None:
    if values:
        values = [*values, values[0] ^ sum(1 << bit for bit in flipped)]
    plain = {
        (one, other)
        for other in range(len(values))
        for one in range(other)
        if (values[one] ^ values[other]).bit_count() <= 3
    }
    assert set(near_copies(np.array(values, np.uint64))) == plain


def test_the_most_alike_class_is_the_nearest_mean() -> None:
    vectors = np.array([[0.0, 0], [0, 2], [1, 1], [9, 9], [9, 11]])
    found = alike_classes(vectors, np.array([0, 0, 1, 2, 2]), 4, most=2)
    assert [[other for other, _ in pairs] for pairs in found] == [[1, 2], [0, 2], [1, 0], []]
    assert found[0][0][1] < found[0][1][1]


def test_records_come_in_the_order_asked_for(shown_package: Path) -> None:
    rows = np.array([70, 3, 149, 4])
    whole = pq.read_table(shown_package / "metadata.parquet").to_pylist()
    assert records(Store(str(shown_package)), rows).to_pylist() == [whole[row] for row in rows.tolist()]
    assert records(Store(str(shown_package)), rows[:0]).num_rows == 0


def test_codes_are_of_sorted_values() -> None:
    found = coded(pa.chunked_array([["b", None], ["a", "b"]]))
    assert (found.codes.tolist(), found.values) == ([1, -1, 0, 1], ["a", "b"])


def test_embeddings_are_read_as_they_were_written(shown_package: Path, tmp_path: Path) -> None:
    path = tmp_path / "embeddings.parquet"
    count = sum(map(len, CLASSES.values())) * PER_CLASS
    assert write_embeddings(str(shown_package), path) == count
    written = pq.read_table(path)
    metadata = pq.read_table(shown_package / "metadata.parquet")
    assert written["filename"].to_pylist() == metadata["filename"].to_pylist(), "row n describes example n"
    vectors, known = read_embeddings(path, Store(str(shown_package)), np.array([5, 0]))
    assert known.all()
    np.testing.assert_array_equal(vectors, np.array(written["embedding"].to_pylist())[[5, 0]])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pa.table({"filename": ["a"]}), "has no column embedding, path"),
        (pa.table({"path": ["a"], "filename": ["a"], "embedding": [[1.0]]}), "no embedding of the examples"),
    ],
)
def test_embeddings_that_do_not_fit_are_one_line(
    table: pa.Table, said: str, shown_package: Path, tmp_path: Path
) -> None:
    pq.write_table(table, tmp_path / "e.parquet")
    with pytest.raises(UserError, match=said):
        read_embeddings(tmp_path / "e.parquet", Store(str(shown_package)), np.array([0]))
    (tmp_path / "e.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match="cannot be read"):
        read_embeddings(tmp_path / "e.parquet", Store(str(shown_package)), np.array([0]))


def test_what_was_refused_is_made_again_from_its_source(simulated: Path) -> None:
    recipe = Recipe()
    data = SourceImages(str(simulated), recipe)
    root = str(simulated / "bbbc022")
    image = next(iter(source_at(root, "bbbc022", {}).images(Folder.listed(root, {}))))
    idx = f"bbbc022-{image_number(image.key)}"
    [(found, channels)] = data.channels("bbbc022", {idx, "bbbc022-1"})
    assert found == idx
    refused = Refused(None, data, recipe)
    rows = [{"idx": idx, "dir_name": "bbbc022", "candidate": number} for number in (-1, 0)]
    refused.prepare(rows)
    whole, crop = (refused.pixels(row) for row in rows)
    expected = data.standardised(channels)
    np.testing.assert_array_equal(whole, expected)
    window = next(one for one in candidates(channels, 4, Draw(recipe.seed, idx, "crops"), recipe) if one.candidate == 0)
    assert crop is not None
    np.testing.assert_array_equal(crop, expected[window.y_min : window.y_max, window.x_min : window.x_max])
    assert refused.pixels({"idx": "bbbc022-1", "dir_name": "bbbc022", "candidate": None}) is None


def test_what_was_left_out_is_shown_from_the_work_folder(built: Path) -> None:
    """WORK has crops that *select* left out.

    It has none that *standardize* refused.
    """
    rejects = pq.read_table(built / "rejects.parquet").to_pylist()
    left_out = next(row for row in rejects if row["reason"] == "over_class_size" and row["candidate"] >= 0)
    blank = next(row for row in rejects if row["reason"] == "crop_blank")
    refused = Refused(Store(f"{built}.work"), None, Recipe())
    assert refused.how == {"work": True, "data": False}
    refused.prepare([left_out, blank])
    stored = []
    for part in Path(f"{built}.work", "standardized", left_out["dir_name"]).glob("*.parquet"):
        for row in pq.read_table(part).to_pylist():
            if (row["idx"], row["candidate"]) == (left_out["idx"], left_out["candidate"]):
                with pa.ipc.open_file(part.with_suffix(".arrow")) as file:
                    stored.append(
                        np.asarray(PillowImage.open(io.BytesIO(file.get_batch(row["row"])["png"][0].as_py())))
                    )
    (expected,) = stored
    found = refused.pixels(left_out)
    assert found is not None
    np.testing.assert_array_equal(found, expected)
    assert refused.pixels(blank) is None
