"""The explorer's files.

They are complete, need no network and are true to the package.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from builder.cli import main
from builder.errors import UserError
from builder.inspect.explorer.write import Wanted, write_explorer
from tests.inspect.explorer.conftest import CLASSES, PER_CLASS, SAMPLES, blobs, data
from tests.package.made import make_package

pytestmark = pytest.mark.slow


def test_the_page_loads_only_files_of_its_own_folder(explored: Path) -> None:
    page = (explored / "index.html").read_text("utf-8")
    named = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert {"assets/app.js", "assets/explorer.css", "data/index.js"} <= set(named)
    for name in named:
        assert name == "data:," or (explored / name).is_file(), name
    assert "SIMULATED" in page
    for script in (explored / "assets").glob("*.js"):
        assert not re.search(r"\bfetch\(|XMLHttpRequest|innerHTML|\bimport\b", script.read_text("utf-8")), script.name
    assert not [path for path in explored.rglob("*") if path.suffix in (".js", ".css") and path.stat().st_size > 40_000]


def test_the_list_counts_every_example(explored: Path, shown_package: Path) -> None:
    index = data(explored, "index")
    rows = pq.read_table(shown_package / "metadata.parquet").to_pylist()
    classes = index["classes"]
    expected = [(category, name) for category in CLASSES for name in sorted(CLASSES[category])]
    found = list(zip(classes["categories"], classes["names"], strict=True))
    assert sorted(found) == sorted(expected)
    assert classes["categories"] == sorted(classes["categories"], key=index["order"].index)
    for number, (category, name) in enumerate(found):
        mine = [row for row in rows if (row["category"], row["label"]) == (category, name)]
        assert len(mine) == PER_CLASS
        for side in ("train", "validation"):
            assert classes[side][number] == sum(row["split"] == side for row in mine)
        assert classes["groups"][number] == len({row["group"] for row in mine})
        assert classes["images"][number] == len({row["idx"] for row in mine})
        for column in ("dir_name", "license", "microscopy", "scaling"):
            stated = {classes["values"][column][code]: count for code, count in classes[column][number]}
            assert stated == Counter(row[column] for row in mine if row[column] is not None), column
        assert classes["sharpness"][number] == 1.0


def examples_of(package: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows of all shards by path and filename.

    They are read with plain pyarrow.
    """
    tables = [pa.ipc.open_stream(shard.read_bytes()).read_all() for shard in (package / "data").rglob("*.arrow")]
    tables += [pq.read_table(shard) for shard in (package / "data").rglob("*.parquet")]
    return {(row["path"], row["filename"]): row for table in tables for row in table.to_pylist()}


def heights_of(svg: str) -> list[float]:
    """Return the heights of a histogram's bars in its units."""
    bars = re.findall(r'<g id="bar-\d+">\s*<path d="([^"]+)"', svg)
    ordinates = [[float(pair[1]) for pair in re.findall(r"[ML] ([\d.-]+) ([\d.-]+)", path)] for path in bars]
    return [max(ys) - min(ys) for ys in ordinates]


def check_class_page(folder: Path, number: int, stored: dict[tuple[str, str], dict[str, Any]]) -> None:
    page = data(folder, f"c{number:05d}")
    with Image.open(folder / "sheets" / f"c{number:05d}.jpg") as opened:
        sheet = np.asarray(opened).astype(int)
    assert list(sheet.shape[::-1]) == page["sheet"]["size"]
    rows = [dict(zip(page["columns"], row, strict=True)) for row in page["rows"]]
    assert len({(row["path"], row["filename"]) for row in rows}) == len(rows) == SAMPLES
    for row, (x, y, width, height) in zip(rows, page["sheet"]["cells"], strict=True):
        example = stored[row["path"], row["filename"]]
        assert row["label"] == data(folder, "index")["classes"]["names"][number]
        for column in ("idx", "dir_name", "crop", "x_max", "group"):
            assert row[column] == example[column]
        pixels = np.asarray(Image.open(io.BytesIO(example["image"]["bytes"]))).astype(int)
        assert pixels.shape == (height, width)
        assert np.abs(sheet[y : y + height, x : x + width] - pixels).mean() < 6, "JPEG of the same pixels"
    assert {row["dir_name"] for row in rows} == {"bbbc900", "bbbc901"}
    assert {row["split"] for row in rows} == {"train", "validation"}
    assert {row["scaling"] for row in rows} == {0.5, 1.0}
    for bar in ("contrast", "sharpness"):
        counts = page[bar]["counts"]
        assert len(page[bar]["edges"]) == len(counts) + 1
        heights = heights_of(page[bar]["svg"])
        assert heights == pytest.approx([count * max(heights) / max(1, *counts) for count in counts], abs=0.01)
    assert sum(page["sharpness"]["counts"]) == PER_CLASS
    with Image.open(folder / "covers" / f"c{number:05d}.jpg") as cover:
        assert cover.width == 4 * cover.height


def test_a_class_page_shows_its_own_examples_as_they_are(explored: Path, shown_package: Path) -> None:
    stored = examples_of(shown_package)
    for number in range(sum(map(len, CLASSES.values()))):
        check_class_page(explored, number, stored)


def test_dropped_split_tokens_and_record(explored: Path) -> None:
    dropped = data(explored, "dropped")
    assert {entry["reason"]: entry["count"] for entry in dropped["reasons"]} == {"dim": 1, "duplicate": 1}
    dim = next(entry for entry in dropped["reasons"] if entry["reason"] == "dim")
    assert dim["judged"] == "p75"
    assert len(dim["kept"]) == 16
    measured = [float(entry[4].split()[1]) for entry in dim["kept"]]
    assert measured == sorted(measured), "the nearest to the limit first"
    assert dropped["how"] == {"work": False, "data": False}
    audit = data(explored, "audit")
    assert set(audit["checks"].values()) == {0}
    assert audit["shares"]["counts"] == [0] * 19 + [sum(map(len, CLASSES.values()))], "a fifth of each class"
    assert len(audit["sheet"]["cells"]) == 2 * len(audit["pairs"])
    assert data(explored, "tokens")["tokens"]["gene"] == 3
    record = data(explored, "record")
    changed = {key for key, _, differs in record["recipe"] if differs}
    assert {"min_images", "class_size"} <= changed
    assert "seed" not in changed


def test_the_map_has_as_many_of_each_class(explored: Path) -> None:
    found = data(explored, "map")
    assert Counter(found["class"]) == dict.fromkeys(range(sum(map(len, CLASSES.values()))), SAMPLES)
    assert all(len(axis) == len(found["class"]) and min(axis) >= 0 and max(axis) <= 4095 for axis in found["axes"])
    assert found["shares"] == sorted(found["shares"], reverse=True)
    assert all(one < other for one, other in found["copies"])


def test_writing_again_gives_the_same_bytes_and_replaces(explored: Path, shown_package: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    out.mkdir()
    write_explorer(str(shown_package), out, Wanted(samples=SAMPLES))
    (out / "stale.js").write_text("")
    for path in explored.rglob("*"):
        if path.is_file():
            assert (out / path.relative_to(explored)).read_bytes() == path.read_bytes(), path.name
    write_explorer(str(shown_package), out, Wanted(samples=4))
    assert not (out / "stale.js").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_folder_that_is_no_report_is_left_alone(shown_package: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="is no report; name another folder"):
        write_explorer(str(shown_package), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    with pytest.raises(UserError, match="not a finished package"):
        write_explorer(str(tmp_path), tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_the_shards_may_be_parquet(explored: Path, tmp_path: Path) -> None:
    package = tmp_path / "cytoimagenet"
    make_package(
        package, classes=CLASSES, per_class=PER_CLASS, side=48, draw=blobs, simulated=True, file_format="parquet"
    )
    write_explorer(str(package), tmp_path / "report", Wanted(samples=SAMPLES))
    check_class_page(tmp_path / "report", 3, examples_of(package))
    assert data(tmp_path / "report", "index")["classes"] == data(explored, "index")["classes"]


def test_the_command_writes_a_folder_or_one_page(shown_package: Path, tmp_path: Path) -> None:
    vectors = str(tmp_path / "vectors.parquet")
    options = ["--samples", "4", "--write-embeddings", vectors, "--embeddings", vectors, "-o", str(tmp_path / "r")]
    run = CliRunner().invoke(main, ["report", str(shown_package), *options])
    assert (run.exit_code, run.output.splitlines()[-1]) == (0, str(tmp_path / "r/index.html"))
    assert data(tmp_path / "r", "map")["what"] == "embeddings of vectors.parquet"
    assert {"path", "filename", "embedding"} <= {*pq.read_schema(vectors).names}
    page = tmp_path / "page.html"
    run = CliRunner().invoke(main, ["report", str(shown_package), "--single-file", "-o", str(page)])
    assert run.exit_code == 0
    assert "<table>" in page.read_text("utf-8")
    run = CliRunner().invoke(main, ["report", str(shown_package), "--single-file", "--data", str(tmp_path)])
    assert run.exit_code == 1
    assert "leave one of them out" in run.output
