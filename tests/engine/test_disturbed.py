"""Whole builds of which a file hangs, or whose store fails now and then."""

from __future__ import annotations

import dataclasses
import os
import random
import sys
from pathlib import Path

import pyarrow.compute as pc
import pytest

from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.package.verify import verify
from builder.recipe import Recipe
from builder.sources import get_source
from builder.stages import standardize
from builder.stages.job import Build
from builder.stages.pipeline import build, label, select_pictures, standardize_images
from builder.stages.run_annotate import annotate
from builder.stages.write_package import write_package
from tests.building import SMALL, cytoimagenet, files_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals of POSIX")]


ONLY = "kag_cell_cycle"
RECIPE = Recipe.load(None, SMALL[1::2])


def test_images_whose_file_hangs_are_rejects_and_the_rest_is_built(data: Path, tmp_path: Path) -> None:
    job = Build(
        str(data),
        Store(tmp_path / "work"),
        dataclasses.replace(RECIPE, part_images=10),
        RunSettings(workers=2, time_limit=2.0),
        only=(ONLY,),
    )
    package = Store(tmp_path / "package")
    annotated = annotate(job)
    assignments = label(job, annotated)
    images = standardize.wanted_images(job.work, assignments)
    items = list(standardize.items_of(job.work, images))
    hanging = items[len(items) // 2]
    file = data / hanging.dir_name / hanging.files[0]
    content = file.read_bytes()
    file.unlink()
    os.mkfifo(file)  # as a file of a dead network mount: who opens it waits forever
    try:
        standardize_images(job, package, images)
    finally:
        file.unlink()
        file.write_bytes(content)
    selected = select_pictures(job, annotated, assignments, images)
    timed_out = selected.rejects.filter(pc.equal(selected.rejects["reason"], "timed_out"))
    same_file = {item.idx for item in items if item.dir_name == hanging.dir_name and hanging.files[0] in item.files}
    assert set(timed_out["idx"].to_pylist()) == same_file
    assert set(timed_out["detail"].to_pylist()) == {"longer than 2 s"}
    assert not pc.any(pc.equal(selected.rejects["reason"], "crashed")).as_py()
    assert set(selected.selection["idx"].to_pylist()) | set(selected.rejects["idx"].to_pylist()) == {
        item.idx for item in items
    }
    write_package(job, package, [get_source(ONLY)], selected)
    assert verify(package.url, deep=True) == []


def test_work_and_package_in_a_bucket_that_fails_now_and_then(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    from tests.engine.s3 import running_server

    undisturbed = Build(str(data), Store(tmp_path / "work"), RECIPE, RunSettings(workers=0), only=(ONLY,))
    build(undisturbed, Store(tmp_path / "package"))
    wanted = {name: digest for name, digest in files_of(tmp_path / "package").items() if not name.startswith(".")}
    draw = random.Random(5)
    faults = {"503": 0.04, "slow": 0.02, "cut": 0.02, "": 0.92}
    with running_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        url = f"s3://{server.bucket()}"
        server.faults.fail = lambda method, path: draw.choices(list(faults), list(faults.values()))[0]
        settings = (*SMALL, "--only", ONLY, "--workers", "2")
        cytoimagenet("build", data, "-o", f"{url}/package", "--work", f"{url}/work", *settings)
        server.faults.fail = lambda method, path: ""
        assert server.faults.failed > 3
        package = Store(f"{url}/package")
        assert {name: package.sha256(name) for name in package.list()} == wanted
