"""From the folders of sources to a package that loads.

Everything goes through the command line, as a user would.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

from builder.schema import CATEGORIES, EXAMPLES
from tests.building import SMALL, cytoimagenet, files_of, in_this_process, read_shards

pytestmark = pytest.mark.slow


def check_package(package: Path, splits: tuple[str, ...] = ("train", "validation")) -> None:
    """Assert what must hold for every package.

    From its shards alone; it has just these splits.
    """
    seen: dict[str, set[tuple[str, str]]] = {"idx": set(), "group": set()}
    assert {path.name.partition("-")[0] for path in package.glob("data/*/*.arrow")} == set(splits)
    for split in splits:
        rows = read_shards(package, f"data/*/{split}-*.arrow")
        assert rows.schema == EXAMPLES
        for row in rows.to_pylist():
            assert row["label"] in row[row["category"]].split("|"), (row["idx"], row["label"])
            example = Image.open(io.BytesIO(row["image"]["bytes"]))
            assert (example.format, example.mode) == ("PNG", "L")
            low, high = example.getextrema()
            assert high - low > 50, f"{row['filename']} is nearly uniform"
        for column in seen:
            seen[column] |= {(value, split) for value in rows[column].to_pylist()}
        assert len(set(rows["filename"].to_pylist())) == rows.num_rows
    for column, pairs in seen.items():
        sides = Counter(value for value, _ in pairs)
        assert [value for value, count in sides.items() if count > 1] == [], f"{column} on both sides"


def test_every_row_of_the_package_is_true(built: Path) -> None:
    check_package(built)


def test_classes_are_as_large_as_the_method_says(built: Path) -> None:
    counts: Counter[str] = Counter()
    for split in ("train", "validation"):
        counts.update(read_shards(built, f"data/*/{split}-*.arrow")["label"].to_pylist())
    assert len(counts) >= 10
    assert min(counts.values()) >= 30
    assert max(counts.values()) <= 100


def test_mean_and_deviation_are_those_of_the_pixels(built: Path) -> None:
    stated = json.loads((built / "manifest.json").read_text())
    moments: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(built.glob("data/*/*.arrow")):
        with pa.ipc.open_stream(path.read_bytes()) as reader:
            here = [_moments(example["bytes"]) for example in reader.read_all()["image"].to_pylist()]
        facts = stated["files"][path.relative_to(built).as_posix()]
        found = facts["intensity_mean"], facts["intensity_square"]
        assert found == pytest.approx(np.mean(here, axis=0), rel=0, abs=1e-12)
        if facts["split"] == "train":
            moments.setdefault(facts["config"], []).extend(here)
    moments["full"] = [one for some in list(moments.values()) for one in some]
    assert stated["intensity"].keys() == moments.keys()
    for config, some in moments.items():
        mean, square = np.mean(some, axis=0)
        assert stated["intensity"][config] == pytest.approx({"mean": mean, "std": (square - mean**2) ** 0.5}, abs=1e-6)


def _moments(example: bytes) -> tuple[float, float]:
    """Return the mean and mean square of pixels in [0,1]."""
    pixels = np.asarray(Image.open(io.BytesIO(example))) / 255
    return float(pixels.mean()), float((pixels**2).mean())


def test_one_process_writes_the_same_bytes(simulated: Path, built: Path, tmp_path: Path) -> None:
    """Two workers write the same, in whatever order they work.

    tests/engine/test_killed.py has builds that are killed.
    """
    in_this_process("build", simulated, "-o", tmp_path / "cytoimagenet", *SMALL, "--workers", "0")
    assert files_of(tmp_path / "cytoimagenet") == files_of(built)


def test_again_does_nothing_and_says_so(simulated: Path, built: Path, tmp_path: Path) -> None:
    package = tmp_path / "cytoimagenet"
    shutil.copytree(built, package, copy_function=os.link)
    shutil.copytree(f"{built}.work", f"{package}.work")
    before = {path: path.stat().st_mtime_ns for path in package.rglob("*")}
    done = in_this_process("build", simulated, "-o", package, *SMALL, "--workers", "2")
    assert "nothing to do" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in package.rglob("*")} == before


def test_another_recipe_keeps_the_pixels(simulated: Path, built: Path, tmp_path: Path) -> None:
    shutil.copytree(f"{built}.work", tmp_path / "p.work")
    parts = files_of(tmp_path / "p.work" / "standardized")
    done = in_this_process(
        "build", simulated, "-o", tmp_path / "p", *SMALL, "--set", "validation_share=0.3", "--workers", "0"
    )
    assert "all " in done.stderr
    assert files_of(tmp_path / "p.work" / "standardized") == parts
    manifest = json.loads((tmp_path / "p" / "manifest.json").read_text())
    assert manifest["recipe"]["validation_share"] == 0.3


LOAD = """
import json, sys
from datasets import load_dataset
out = {}
for config in json.loads(sys.argv[1]):
    for streaming in (False, True):
        rows = load_dataset("cytoimagenet", config, split="train", streaming=streaming)
        names = rows.features["label"].names
        out[f"{config} {streaming}"] = sorted((row["idx"], row["filename"], names[row["label"]]) for row in rows)
print(json.dumps(out))
"""


def test_datasets_loads_it_by_bare_name(built: Path, tmp_path: Path) -> None:
    configs = list(json.loads((built / "classes.json").read_text()))
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps(configs)],
        cwd=built.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    parts = []
    for config in configs:
        assert loaded[f"{config} False"] == loaded[f"{config} True"]
        pattern = "*" if config == "full" else config
        rows = read_shards(built, f"data/{pattern}/train-*.arrow")
        expected = zip(*(rows[c].to_pylist() for c in ("idx", "filename", "label")), strict=True)
        assert loaded[f"{config} False"] == sorted(map(list, expected))
        parts += [] if config == "full" else loaded[f"{config} False"]
    assert sorted(parts) == loaded["full False"]


def test_bad_files_become_rejects_and_the_build_goes_on(simulated: Path, tmp_path: Path) -> None:
    sources = tmp_path / "data"
    shutil.copytree(simulated / "kag_cell_cycle", sources / "kag_cell_cycle")
    cells = sources / "kag_cell_cycle" / "nematode cells" / "nematode cells" / "mitosis"
    victims = sorted(cells.iterdir())
    victims[0].write_bytes(b"")
    victims[1].write_bytes(victims[1].read_bytes()[:400])
    victims[2].write_bytes(b"this is no example" * 50)
    Image.new("RGB", (160, 160), (7, 7, 7)).save(victims[3])
    shutil.copy(victims[4], cells / "IMG_9999-1.jpg")
    (sources / "rec_rxrx1").mkdir()
    (sources / "bbbc022").write_text("a file where a folder should be")
    done = in_this_process("build", sources, "-o", tmp_path / "p", *SMALL, "--workers", "0")
    rejects = pq.read_table(tmp_path / "p" / "rejects.parquet")
    reasons = Counter(rejects["reason"].to_pylist())
    assert reasons["unreadable"] == 3
    assert reasons["uniform"] == 1
    assert reasons["duplicate"] >= 1
    assert "rec_rxrx1" in done.stderr
    check_package(tmp_path / "p", ("train",))  # kag_cell_cycle is one group: nothing can be held out


def test_bad_instructions_end_in_one_line(simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cases = {
        ("build", str(simulated), "-o", "p", "--set", "min_image=3"): "min_images",
        ("build", str(simulated), "-o", "p", "--only", "rec_rxrx7"): "did you mean rec_rxrx",
        ("build", str(tmp_path), "-o", "p"): "none of the folders",
        ("build", str(tmp_path / "nowhere"), "-o", "p"): "is not a folder",
        ("build", str(simulated), "-o", "p", "--workers", "0", "--set", "min_images=100000"): "--set min_images",
        ("build", str(simulated), "-o", "p", "--set", "class_size=50"): "min_class_size",
        ("verify", str(tmp_path)): "manifest.json",
    }
    for arguments, named in cases.items():
        done = in_this_process(*arguments, check=False)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert named in done.stderr.strip().splitlines()[-1] + done.stderr, done.stderr


@pytest.mark.real
def test_real_files_give_a_true_package(real_built: Path) -> None:
    check_package(real_built)
    train = read_shards(real_built, "data/*/train-*.arrow")
    assert len(set(train["dir_name"].to_pylist())) >= 7
    assert set(train["category"].to_pylist()) <= set(CATEGORIES)
    assert pc.sum(pc.equal(train["crop"], True)).as_py() > 50
    assert cytoimagenet("verify", real_built).returncode == 0
