"""What the hub's viewer demands of a package.

Of both formats as they are written, and of what breaks its rules.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from builder.cli import main
from builder.engine.store import Store
from builder.hub import rules
from builder.hub.rules import hub_problems, hub_warnings
from builder.hub.statistics import without_statistics
from builder.package import verify_subprocess
from builder.package.manifest import sealed
from builder.package.reformat import reformat
from builder.package.verify import check
from builder.schema import METADATA
from tests.package.made import make_package


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A package in both formats, as the builder writes them."""
    folder = tmp_path_factory.mktemp("made")
    make_package(folder / "first")
    for before, after in (("first", "parquet"), ("parquet", "arrow")):
        reformat(Store(str(folder / before)), Store(str(folder / after)), after)
    return {name: folder / name for name in ("arrow", "parquet")}


@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
def test_a_package_keeps_the_rules(packages: dict[str, Path], file_format: str) -> None:
    assert hub_problems(Store(str(packages[file_format]))) == []


def test_verify_says_what_the_viewer_will_show(packages: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_subprocess, "check_in_subprocess", check)  # a process of its own takes long to start
    found = CliRunner().invoke(main, ["verify", str(packages["parquet"]), "--hub", "--json"])
    assert found.exit_code == 0
    says = json.loads(found.stdout)
    assert says["problems"] == []
    assert "will show all examples" in says["shown"][0]
    size = (packages["parquet"] / "README.md").read_bytes().index(b"\n---\n")
    assert says["shown"][-1] == f"the card's YAML has {size:,} bytes"


def manifest_with(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        change(manifest["files"])
        (folder / "manifest.json").write_text(json.dumps(sealed(manifest)))

    return edit


def card_with(old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / "README.md").read_text("utf-8")
        assert old in text
        (folder / "README.md").write_text(text.replace(old, new), "utf-8")

    return edit


def in_groups(*rows: int) -> Callable[[dict[str, Any]], None]:
    """Return a manifest edit: row groups of 200 MB.

    They have so many rows each.
    """
    offsets = [4 + 200_000_000 * n for n in range(len(rows) + 1)]
    facts = {"rows": sum(rows), "bytes": offsets[-1] + 9, "batch_rows": list(rows)}
    return lambda files: files[SHARD].update(facts, batch_offsets=offsets[:-1], footer_offset=offsets[-1])


SHARD = "data/train-25000004-compound-00000-of-00002.parquet"


@pytest.mark.parametrize(
    ("change", "file", "says"),
    [
        (card_with("license_link: LICENSE.md", "license_link: SOURCES.md"), "README.md", "license_link is neither"),
        (card_with("license_name: per-source\n", ""), "README.md", "no license_name"),
        (card_with("[data/train-*-compound-*.parquet]", f"[{SHARD}]"), "README.md", "train finds 1 files, not"),
        (card_with("[data/train-*.parquet]", "[data/*.parquet]"), "README.md", "full, train finds 9 files, not the 6"),
        (card_with("'0': '0'", "'0': zero"), SHARD, "label (int64) is not a ClassLabel of these names"),
        (card_with("{name: crop, dtype: bool}", "{name: crop, dtype: int64}"), SHARD, "crop (bool) is not"),
        (manifest_with(in_groups(101, 1)), SHARD, "101 rows in a record batch"),
        (manifest_with(in_groups(1, 1, 7)), SHARD, "a page of the viewer reads 400,000,000 bytes"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_named(
    packages: dict[str, Path], tmp_path: Path, change: Callable[[Path], None], file: str, says: str
) -> None:
    folder = shutil.copytree(packages["parquet"], tmp_path / "package")
    change(folder)
    found = hub_problems(Store(str(folder)))
    assert [problem for problem in found if problem.file == file and says in problem.what], found


def test_a_folder_with_many_files_is_named(packages: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_ENTRIES", 8)
    found = [str(problem) for problem in hub_problems(Store(str(packages["parquet"])))]
    assert found == [f"{folder}: has 9 files; the hub allows 8 in a folder" for folder in ("/", "data/")]


def rows_of(**columns: list[Any]) -> pa.Table:
    """Return rows of metadata.parquet, as far as they matter here.

    All are of the category gene and of train.
    """
    count = len(next(iter(columns.values())))
    table: dict[str, Any] = {field.name: pa.nulls(count, field.type) for field in METADATA}
    table |= {"split": ["train"] * count, "category": ["gene"] * count, "width": pa.nulls(count, pa.int32())}
    return pa.table(table | columns)


def test_statistics_are_lost_where_whole_numbers_have_two_neighbouring_values() -> None:
    lengths = rows_of(idx=["a" * (16 + n % 2) + f"{n:02d}" for n in range(20)])
    assert list(without_statistics(lengths, "gene", "train")) == ["idx"]
    assert list(without_statistics(lengths, "compound", "train")) == []
    assert list(without_statistics(lengths, "full", "validation")) == []
    assert list(without_statistics(rows_of(idx=[f"{n:04d}" for n in range(20)]), "full", "train")) == []
    assert list(without_statistics(rows_of(idx=["a" * n for n in range(20)]), "full", "train")) == []
    assert (
        list(without_statistics(rows_of(name=["ab", "abc"] * 10), "full", "train")) == []
    )  # classes: they are counted
    assert list(without_statistics(rows_of(z=[3, 4, None]), "full", "train")) == ["z"]
    assert list(without_statistics(rows_of(width=[70, 71]), "full", "train")) == ["image"]
    assert list(without_statistics(rows_of(width=[70, 71]), "metadata", "train")) == []


def test_a_split_without_statistics_is_a_warning(packages: dict[str, Path]) -> None:
    for problem in hub_warnings(Store(str(packages["parquet"]))):
        assert "the viewer fails at the statistics of" in problem.what
