"""The sample of an Arrow package.

The first rows of each category, as any reader of Parquet sees them.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from builder.package.verify import verify
from tests.package.made import CLASSES, make_package
from tests.package.test_verify import reseal

ROWS = 7  # twenty shared by three categories, rounded up


def test_it_has_the_first_rows_of_each_category(made: Path) -> None:
    sample = pq.read_table(made / "sample.parquet")
    taken = 0
    for category in CLASSES:
        with pa.ipc.open_stream((made / f"data/{category}/train-00000-of-00002.arrow").read_bytes()) as reader:
            first = reader.read_all().slice(0, ROWS)
        assert sample.slice(taken, len(first)).equals(first)
        taken += len(first)
    assert taken == sample.num_rows == ROWS + ROWS + 4, "the shard of gene has four rows"


def test_rows_that_no_shard_has_are_found_even_when_all_hashes_fit(package: Path) -> None:
    path = package / "sample.parquet"
    sample = pq.read_table(path)
    labels = ["yeast", *sample["label"].to_pylist()[1:]]
    place = sample.schema.get_field_index("label")
    pq.write_table(sample.set_column(place, sample.schema.field(place), pa.array(labels[::-1])), path)
    reseal(package, lambda manifest: None)
    assert [problem.file for problem in verify(str(package))] == ["sample.parquet"]


def test_a_package_made_again_in_parquet_has_none(tmp_path: Path) -> None:
    assert "sample.parquet" in make_package(tmp_path)["files"]
    for path in (tmp_path / "data").rglob("*.arrow"):
        path.unlink()
    assert "sample.parquet" not in make_package(tmp_path, file_format="parquet")["files"]
    assert not (tmp_path / "sample.parquet").exists()
