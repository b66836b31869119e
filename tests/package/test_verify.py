"""What verify accepts, and which file it blames for damage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.errors import UserError
from builder.package.manifest import sealed
from builder.package.verify import verify
from builder.schema import EXAMPLES
from tests.package.made import CLASSES, make_package, png

pytestmark = pytest.mark.slow

SHARD = "data/compound/train-00000-of-00002.arrow"


def files_of(folder: Path) -> set[str]:
    return {problem.file for problem in verify(str(folder))}


def reseal(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Edit the manifest and make all its hashes fit again.

    Its own and those of all files: a careful forgery.
    """
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    for name, facts in manifest["files"].items():
        content = (folder / name).read_bytes()
        facts |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    change(manifest)
    path.write_text(json.dumps(sealed(manifest)))


def rewrite(folder: Path, path: str, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Rewrite a shard so that only its rows are wrong."""
    with pa.ipc.open_stream((folder / path).read_bytes()) as reader:
        rows = reader.read_all().to_pylist()
    change(rows)
    with pa.OSFile(str(folder / path), "wb") as sink, pa.ipc.new_stream(sink, EXAMPLES) as writer:
        writer.write_table(pa.Table.from_pylist(rows, EXAMPLES), max_chunksize=4)


@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
@pytest.mark.parametrize("deep", [False, True])
def test_a_whole_package_has_no_problem(tmp_path: Path, file_format: str, deep: bool) -> None:
    make_package(tmp_path / "cytoimagenet", file_format=file_format, simulated=deep)
    assert verify(str(tmp_path / "cytoimagenet"), deep=deep) == []


@pytest.mark.slow
def test_workers_find_the_same(package: Path) -> None:
    rewrite(package, SHARD, lambda rows: rows[1].update(label="human"))
    reseal(package, lambda manifest: None)
    assert verify(str(package), deep=True, workers=2) == verify(str(package), deep=True)


def test_numbers_of_other_classes_than_those_of_full(tmp_path: Path) -> None:
    """The names are right, the numbers not those of ``full``.

    The card says that they are.
    """
    make_package(tmp_path / "package", file_format="parquet")
    [file] = (tmp_path / "package/data").glob("train-*-gene-00000-*")
    path = file.relative_to(tmp_path / "package").as_posix()
    table = pq.read_table(tmp_path / "package" / path)
    features = json.loads(table.schema.metadata[b"huggingface"])
    names = features["info"]["features"]["label"]["names"]
    order = [*names[1:], names[0]]
    features["info"]["features"]["label"]["names"] = order
    labels = pa.array([order.index(names[label]) for label in table["label"].to_pylist()])
    table = table.set_column(table.schema.get_field_index("label"), "label", labels)
    table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    rows = pq.read_metadata(tmp_path / "package" / path).row_group(0).num_rows
    pq.write_table(table, tmp_path / "package" / path, row_group_size=rows)
    reseal(tmp_path / "package", lambda manifest: None)
    assert [problem.what for problem in verify(str(tmp_path / "package")) if problem.file == path] == [
        "its labels are not the numbers of the classes of full, as the card says"
    ]


@pytest.mark.parametrize(
    "name", sorted(p for p in ("README.md", "classes.json", "LICENSE.md", "SOURCES.md", "rejects.parquet"))
)
def test_an_edited_small_file_is_named(package: Path, name: str) -> None:
    content = bytearray((package / name).read_bytes())
    content[len(content) // 2] ^= 1
    (package / name).write_bytes(content)
    assert files_of(package) == {name}


def test_every_flipped_byte_of_a_shard_is_found(package: Path) -> None:
    whole = (package / SHARD).read_bytes()
    for position in np.random.default_rng(3).integers(0, len(whole), 10).tolist():
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        (package / SHARD).write_bytes(flipped)
        assert files_of(package) == {SHARD}


def test_truncated_missing_and_foreign_files_are_named(package: Path) -> None:
    (package / SHARD).write_bytes((package / SHARD).read_bytes()[:-100])
    (package / "metadata/train.arrow").unlink()
    (package / "data/gene/notes.txt").write_text("x")
    assert files_of(package) == {SHARD, "metadata/train.arrow", "data/gene/notes.txt"}


@pytest.mark.parametrize("name", ["cytoimagenet.py", "other.py"])
def test_a_loading_script_is_refused(package: Path, name: str) -> None:
    moved = package.rename(package.parent / "other")
    (moved / name).write_text("print()")
    assert [p.file for p in verify(str(moved)) if "datasets" in p.what] == [name]


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(images=m["images"] + 1),
        lambda m: m["recipe"].update(seed=5),
        lambda m: m["files"][SHARD].update(rows=3),
        lambda m: m["sources"][0].update(license="MIT"),
        lambda m: m.pop("recipe"),
        lambda m: m["recipe"].update(sede=5),
        lambda m: m["files"][SHARD].pop("sha256"),
    ],
)
def test_an_edited_manifest_is_named(package: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = package / "manifest.json"
    manifest = json.loads(path.read_bytes())
    change(manifest)
    path.write_text(json.dumps(manifest))
    assert "manifest.json" in files_of(package)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(images=m["images"] + 1),
        lambda m: m.update(classes=3),
        lambda m: m["recipe"].update(seed=5),
        lambda m: m["sources"][0].update(images=1),
        lambda m: m["columns"].pop(),
        lambda m: m["files"][SHARD].update(split="validation"),
        lambda m: m["files"].pop("classes.json"),
    ],
)
def test_a_manifest_edited_with_its_hash_is_still_found(
    package: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    reseal(package, change)
    assert "manifest.json" in files_of(package)


def test_the_unchanged_reseal_is_no_problem(package: Path) -> None:
    reseal(package, lambda manifest: None)
    assert verify(str(package)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("70 8-bit grayscale", "71 8-bit grayscale"),
        ("| `compound` | 3 | 24 | 6 |", "| `compound` | 3 | 25 | 6 |"),
        ("| `metadata` |  | 56 | 14 |\n", ""),
        ("'0': human", "'0': mouse"),
        ("default: true", "default: false"),
        ("num_examples: 24", "num_examples: 23"),
        ("Version `0.1", "Version `0.2"),
        (" | 35 |\n", " | 34 |\n"),
        ("---\npretty_name", "pretty_name"),
    ],
)
def test_a_card_that_lies_is_named_even_when_its_hash_fits(package: Path, old: str, new: str) -> None:
    card = (package / "README.md").read_text("utf-8")
    assert old in card
    (package / "README.md").write_text(card.replace(old, new, 1), "utf-8")
    reseal(package, lambda manifest: None)
    assert files_of(package) == {"README.md"}


def set_image(pixels: np.ndarray[Any, Any]) -> Callable[[list[dict[str, Any]]], None]:
    return lambda rows: rows[0]["image"].update(bytes=png(pixels))


@pytest.mark.parametrize(
    ("change", "deep", "says"),
    [
        (lambda rows: rows[0].update(label="human"), False, "rows differ from metadata.parquet in label"),
        (lambda rows: rows.pop(), False, "rows"),
        (lambda rows: rows[0]["image"].update(bytes=b"GIF89a"), False, "is no PNG"),
        (lambda rows: rows[0]["image"].update(bytes=None), False, "is no PNG"),
        (set_image(np.zeros((24, 24, 3), np.uint8)), False, "colour type 2"),
        (set_image(np.zeros((24, 24), np.uint16)), False, "bit depth 16"),
        (set_image(np.zeros((9, 9), np.uint8)), False, "9 x 9 pixels"),
        (set_image(np.zeros((24, 24), np.uint8)), True, "other pixels|pixels; metadata"),
    ],
)
def test_a_wrong_shard_whose_hash_fits_is_named(
    package: Path, change: Callable[[list[dict[str, Any]]], None], deep: bool, says: str
) -> None:
    rewrite(package, SHARD, change)
    reseal(package, lambda manifest: None)
    found = [problem for problem in verify(str(package), deep=deep) if problem.file == SHARD]
    assert any(part in problem.what for problem in found for part in says.split("|"))


@pytest.mark.parametrize(
    ("name", "places", "says"),
    [
        ("batch_offsets", {1: 8}, "its record batches do not begin where the manifest's batch_offsets say"),
        ("batch_rows", {0: -1, 1: 1}, "has other record batches than the manifest's batch_rows"),
    ],
)
def test_batches_that_are_not_where_the_manifest_says_are_named(
    package: Path, name: str, places: dict[int, int], says: str
) -> None:
    def change(manifest: dict[str, Any]) -> None:
        for place, more in places.items():
            manifest["files"][SHARD][name][place] += more

    reseal(package, change)
    assert [problem.what for problem in verify(str(package)) if problem.file == SHARD] == [says]


def edit_table(package: Path, column: str, change: Callable[[list[Any]], None]) -> list[str]:
    path = package / "metadata.parquet"
    table = pq.read_table(path)
    values = table[column].to_pylist()
    change(values)
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, table.schema.field(column), pa.array(values, table[column].type)), path)
    reseal(package, lambda manifest: None)
    return [problem.what for problem in verify(str(package)) if problem.file == "metadata.parquet"]


def copy_last(values: list[Any]) -> None:
    values[0] = values[-1]


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("filename", "1 file names occur more than once"),
        ("pixels_sha256", "examples, pixel for pixel, occur more than once"),
        ("category", "is no token of its"),
        ("shard", "not in the order of the shards"),
    ],
)
def test_broken_laws_of_the_table_are_found(package: Path, column: str, says: str) -> None:
    assert any(says in what for what in edit_table(package, column, copy_last))


def test_a_group_and_an_image_on_both_sides_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "cytoimagenet"
    make_package(folder, classes={"organism": CLASSES["organism"]})
    rows = pq.read_table(folder / "metadata.parquet").to_pylist()
    sides = {
        s: next(r for r in rows if r["split"] == s and r["dir_name"] == "bbbc900") for s in ("train", "validation")
    }
    for column in ("idx", "group"):
        position = rows.index(sides["train"])

        def change(values: list[Any], at: int = position, value: str = sides["validation"][column]) -> None:
            values[at] = value

        found = edit_table(folder, column, change)
        assert any(f"1 {column} on both sides of the split" in what for what in found)


def test_a_folder_that_is_no_package_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no manifest\.json"):
        verify(str(tmp_path))
    (tmp_path / "manifest.json").write_bytes(b"{")
    assert [(problem.file, "is not JSON" in problem.what) for problem in verify(str(tmp_path))] == [
        ("manifest.json", True)
    ]


def test_a_package_on_another_file_system_is_checked_alike(package: Path) -> None:
    system = fsspec.filesystem("memory")
    system.put(f"{package}/", "/remote/cytoimagenet/", recursive=True)
    try:
        assert verify("memory://remote/cytoimagenet", deep=True) == []
        system.pipe(f"/remote/cytoimagenet/{SHARD}", (package / SHARD).read_bytes()[:-1])
        assert [problem.file for problem in verify("memory://remote/cytoimagenet")] == [SHARD]
    finally:
        system.rm("/remote", recursive=True)
