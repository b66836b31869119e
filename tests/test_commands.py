"""The commands beside `build`."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from builder.sources import source_names
from tests.building import SMALL, cytoimagenet, files_of, in_this_process

pytestmark = pytest.mark.slow


def test_help_lists_every_command_and_each_has_its_own() -> None:
    text = in_this_process("--help").stdout
    for command in (
        "demo",
        "sources",
        "annotate",
        "label",
        "diff",
        "build",
        "convert",
        "verify",
        "report",
        "show",
        "trace",
        "export",
        "push",
    ):
        assert f"\n  {command} " in text
        assert "Usage" in in_this_process(command, "--help").stdout


def test_sources_tells_present_from_missing(simulated: Path) -> None:
    facts = {row["dir_name"]: row for row in json.loads(in_this_process("sources", simulated, "--json").stdout)}
    assert list(facts) == source_names()
    present = {name for name, row in facts.items() if row["status"] == "present"}
    assert present == {"bbbc022", "bbbc041", "kag_cell_cycle", "rec_rxrx1"}
    assert f"{len(facts)} sources" in in_this_process("sources").stdout
    two = json.loads(in_this_process("sources", simulated, "--only", "bbbc041,bbbc005", "--json").stdout)
    assert [(row["dir_name"], row["status"]) for row in two] == [("bbbc005", "missing"), ("bbbc041", "present")]


def test_annotate_then_label_then_explain(simulated: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    in_this_process("annotate", simulated, "-o", work, "--only", "kag_cell_cycle,rec_rxrx1", "--workers", "0")
    assert sorted(path.stem for path in (work / "annotations").iterdir()) == ["kag_cell_cycle", "rec_rxrx1"]
    shown = in_this_process("label", work, "--set", "min_images=20").stdout
    with (work / "classes.csv").open(newline="", encoding="utf-8") as file:
        classes = {row["label"]: int(row["taken"]) for row in csv.DictReader(file)}
    assert classes["mitosis"] == classes["interphase"] == 60
    assert "mitosis" in shown
    assigned = pq.read_table(work / "assignments.parquet")["label"].to_pylist()
    assert {label: assigned.count(label) for label in set(assigned)} == {k: v for k, v in classes.items() if v}
    assert (
        "60 images hold it" in in_this_process("label", work, "--set", "min_images=20", "--explain", "mitosis").stdout
    )
    assert "look alike" in in_this_process("label", work, "--lookalikes").stdout
    in_this_process("label", work, "--set", "min_images=20", "--threshold-plot", tmp_path / "plot.svg")
    assert "<svg" in (tmp_path / "plot.svg").read_text()


def test_plan_counts_what_is_left_and_writes_nothing(simulated: Path, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    text = in_this_process("build", simulated, "-o", out, *SMALL, "--plan").stdout
    assert "0 of them standardized" in text
    assert "rec_rxrx1: " in text
    assert list(tmp_path.iterdir()) == []
    before = files_of(built.parent)
    text = in_this_process("build", simulated, "-o", built, *SMALL, "--plan").stdout
    assigned = pq.read_metadata(built.parent / "cytoimagenet.work" / "assignments.parquet").num_rows
    assert f"images with a label: {assigned}, {assigned} of them standardized" in text
    assert "to do" not in text
    assert files_of(built.parent) == before


def test_status_shows_the_stages_of_the_last_run(built: Path) -> None:
    text = in_this_process("status", f"{built}.work").stdout
    for stage in ("annotate", "shard"):
        assert f"{stage}: " in text


def test_label_needs_annotations_and_says_how(tmp_path: Path) -> None:
    done = in_this_process("label", tmp_path, check=False)
    assert done.returncode == 1
    assert "cytoimagenet annotate" in done.stderr


def test_diff_names_classes_won_and_lost(built: Path, tmp_path: Path) -> None:
    shutil.copytree(f"{built}.work", tmp_path / "other")
    in_this_process("label", tmp_path / "other", "--set", "min_images=20", "--set", 'drop_labels=["mitosis"]')
    text = in_this_process("diff", f"{built}.work", tmp_path / "other").stdout
    assert "mitosis" in text


def test_trace_makes_the_pixels_again_and_sees_another_source(simulated: Path, built: Path, tmp_path: Path) -> None:
    rows = pq.read_table(built / "metadata.parquet", columns=["idx", "dir_name", "crop"]).to_pylist()
    for dir_name in ("rec_rxrx1", "bbbc041", "kag_cell_cycle"):
        idx = next(row["idx"] for row in rows if row["dir_name"] == dir_name)
        done = in_this_process("trace", built, idx, "--data", simulated)
        assert "same pixels" in done.stdout
    shutil.copytree(simulated / "bbbc041", tmp_path / "bbbc041")
    idx = next(row["idx"] for row in rows if row["dir_name"] == "bbbc041")
    examples = sorted((tmp_path / "bbbc041").rglob("*.png"))
    for one, other in zip(examples, [*examples[1:], examples[0]], strict=True):
        one.write_bytes(b"" if one == other else other.read_bytes())
    done = in_this_process("trace", built, idx, "--data", tmp_path, check=False)
    assert done.returncode == 1
    assert "same pixels" not in done.stdout


@pytest.mark.parametrize("harm", ["none", "flip", "delete", "cut", "manifest", "card"])
def test_verify_names_the_harmed_file(built: Path, tmp_path: Path, harm: str) -> None:
    package = tmp_path / "cytoimagenet"
    shutil.copytree(built, package)
    victim = sorted(package.glob("data/*/train-*.arrow"))[0]
    if harm == "none":
        assert cytoimagenet("verify", package).returncode == 0  # as a user runs it
        return
    if harm == "flip":
        content = bytearray(victim.read_bytes())
        content[len(content) // 2] ^= 1
        victim.write_bytes(content)
    elif harm == "delete":
        victim.unlink()
    elif harm == "cut":
        victim.write_bytes(victim.read_bytes()[:-1000])
    else:
        victim = package / ("manifest.json" if harm == "manifest" else "README.md")
        text = victim.read_text("utf-8")
        count = json.loads((package / "manifest.json").read_text())["images"]
        changed = text.replace(str(count), str(count + 1)) if harm == "manifest" else text.replace("'0': ", "'0': x", 1)
        assert changed != text
        victim.write_text(changed, "utf-8")
    done = in_this_process("verify", package, check=False)
    assert done.returncode == 1
    assert victim.name in done.stderr


def test_report_is_one_page_with_its_examples(built: Path, tmp_path: Path) -> None:
    in_this_process("report", built, "--single-file", "-o", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "mitosis" in page
    assert "data:image/jpeg;base64," in page
    assert 'src="http' not in page


def test_a_package_with_a_script_is_refused(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "cytoimagenet")
    (tmp_path / "cytoimagenet" / "cytoimagenet.py").write_text("")
    done = in_this_process("verify", tmp_path / "cytoimagenet", check=False)
    assert done.returncode == 1
    assert "cytoimagenet.py" in done.stderr


def test_build_does_not_write_among_unknown_files(simulated: Path, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "thesis.txt").write_text("mine")
    done = in_this_process("build", simulated, "-o", tmp_path / "p", *SMALL, check=False)
    assert done.returncode == 1
    assert "thesis.txt" in done.stderr
    assert files_of(tmp_path / "p").keys() == {"thesis.txt"}


def test_a_smaller_rendition_as_parquet(simulated: Path, built: Path, tmp_path: Path) -> None:
    shutil.copytree(f"{built}.work", tmp_path / "p.work")
    in_this_process(
        "build", simulated, "-o", tmp_path / "p", *SMALL, "--size", "48", "--format", "parquet", "--workers", "0"
    )
    assert "no problems found" in in_this_process("verify", tmp_path / "p", "--deep").stdout
    assert "examples whose longer side exceeded 48 pixels were reduced" in (tmp_path / "p/README.md").read_text("utf-8")
    whole = {}
    for shard in (built / "data").rglob("train-*.arrow"):
        table = pa.ipc.open_stream(shard.read_bytes()).read_all()
        whole |= {(row["path"], row["filename"]): row["image"]["bytes"] for row in table.to_pylist()}
    small = pq.read_table(sorted((tmp_path / "p" / "data").rglob("train-*.parquet"))[0])
    for row in small.to_pylist()[:20]:
        examples = (row["image"]["bytes"], whole[row["path"], row["filename"]])
        pixels, before = (np.asarray(Image.open(io.BytesIO(data))) for data in examples)
        assert max(before.shape) > max(pixels.shape) == 48
        for count in pixels.shape:  # each side in turn: repeat every row, then average equal runs
            before = np.repeat(before, count, axis=0).reshape(count, len(before), -1).mean(axis=1).T
        assert np.abs(pixels - before).max() <= 0.5 + 1e-9
