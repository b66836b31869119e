"""A reformatted package equals a build in that format.

Byte for byte.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from builder.engine.store import Store
from builder.errors import UserError
from builder.package.reformat import reformat
from builder.package.verify import verify
from tests.package.made import make_package
from tests.package.test_verify import reseal

pytestmark = pytest.mark.slow


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("before", "after"), [("arrow", "parquet"), ("parquet", "arrow")])
def test_it_is_sound_and_says_the_same_of_every_row(tmp_path: Path, before: str, after: str) -> None:
    for file_format in (before, after):
        make_package(tmp_path / file_format, file_format=file_format)
    manifest = reformat(Store(str(tmp_path / before)), Store(str(tmp_path / "new")), after)
    assert verify(str(tmp_path / "new"), deep=True) == []
    found, wanted = contents(tmp_path / "new"), contents(tmp_path / after)
    assert found.keys() == wanted.keys()
    same = [path for path in wanted if not path.startswith(("data/", "metadata/"))]
    about_shards = {
        "README.md",
        "CITATION.cff",
        "croissant.json",
        "manifest.json",
    }  # made.py writes its shards in its own way
    assert [path for path in same if found[path] != wanted[path] and path not in about_shards] == []
    assert manifest == json.loads(found["manifest.json"])
    if after == "parquet":
        shard = "data/train-25000004-compound-00000-of-00002.parquet"
        reseal(tmp_path / "new", lambda manifest: manifest["files"][shard]["batch_offsets"].__setitem__(1, 5))
        says = "its record batches do not begin where the manifest's batch_offsets say"
        assert [(problem.file, problem.what) for problem in verify(str(tmp_path / "new"))] == [(shard, says)]


def test_there_and_back_is_the_same(tmp_path: Path) -> None:
    make_package(tmp_path / "made", file_format="parquet")
    places = [Store(str(tmp_path / name)) for name in ("made", "a", "b", "c")]
    for before, after, file_format in zip(places, places[1:], ("arrow", "parquet", "arrow"), strict=False):
        reformat(before, after, file_format)
    assert contents(tmp_path / "a") == contents(tmp_path / "c")


def test_what_an_interrupted_run_left_is_written_again(tmp_path: Path) -> None:
    make_package(tmp_path / "package")
    source, target = Store(str(tmp_path / "package")), Store(str(tmp_path / "again"))
    reformat(source, Store(str(tmp_path / "undisturbed")), "parquet")

    def interrupt(path: str) -> None:
        if path.startswith("data/organism/validation"):
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            reformat(source, target, "parquet", on_file=interrupt)
        assert target.list("")
    reformat(source, target, "parquet")
    assert contents(tmp_path / "again") == contents(tmp_path / "undisturbed")
    with pytest.raises(UserError, match="is not empty"):
        reformat(source, target, "parquet")  # it is a package now


def test_what_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    make_package(folder)
    source = Store(str(folder))
    with pytest.raises(UserError, match="is in arrow already"):
        reformat(source, Store(str(tmp_path / "new")), "arrow")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        reformat(source, Store(str(tmp_path / "full")), "parquet")
    shard = next((folder / "data").rglob("*.arrow"))
    data = bytearray(shard.read_bytes())
    data[-100] ^= 1
    shard.write_bytes(data)
    with pytest.raises(UserError, match="its sha256 differs"):
        reformat(source, Store(str(tmp_path / "new")), "parquet")
    assert not (tmp_path / "new/manifest.json").exists()
    shard.unlink()
    with pytest.raises(UserError, match="lacks data/"):
        reformat(source, Store(str(tmp_path / "newer")), "parquet")


@pytest.mark.parametrize("column", ["height", "shard"])
def test_a_table_of_other_columns_is_one_line(tmp_path: Path, column: str) -> None:
    """As a package of another version may have."""
    make_package(tmp_path / "package")
    path = tmp_path / "package/metadata.parquet"
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    reseal(tmp_path / "package", lambda manifest: None)
    with pytest.raises(UserError, match=rf"^metadata\.parquet cannot be read: .*{column}"):
        reformat(Store(str(tmp_path / "package")), Store(str(tmp_path / "new")), "parquet")
