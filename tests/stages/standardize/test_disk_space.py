"""Disk space that a build needs, with and without ``--frugal``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from builder.engine.space import Need, on_one_file_system
from builder.engine.store import Store
from builder.inspect.plan import plan, plan_lines
from builder.stages.annotate.stage import Annotate
from builder.stages.context import BuildContext
from builder.stages.label.stage import Label
from builder.stages.pipeline import build
from builder.stages.stage import carry_out
from builder.stages.standardize.disk_space import Estimate
from builder.stages.standardize.items import wanted_images
from builder.stages.standardize.part_images import bytes_of_images
from tests.stages.shard.test_eviction import RECIPE, job_in

pytestmark = pytest.mark.slow


def found_for(job: BuildContext) -> Estimate:
    sources = carry_out(Annotate(job.data_store, job.work, job.runner, job.only))
    images = wanted_images(job.work, carry_out(Label(job.work, job.recipe, sources)).read(), job.recipe)
    return job.space_check(job.work).estimate(job.work, images, images)


def test_sources_of_one_category_each_leave_one_after_the_other(simulated: Path, tmp_path: Path) -> None:
    """The first source leaves WORK before the second is written.

    There are two sources of one category each.
    """
    found = found_for(job_in(simulated, tmp_path))
    assert found.images == {"bbbc041": 350, "kag_cell_cycle": 120}
    assert 0 < found.beside_bytes < found.package_bytes
    one = found_for(job_in(simulated, tmp_path, only=("bbbc041",)))
    assert one.beside_bytes == pytest.approx(one.package_bytes, abs=2), "one category: nothing leaves before its end"


def test_needs_are_smaller_with_frugal_on_one_file_system_only(
    simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, package = job_in(simulated, tmp_path), Store(tmp_path / "package")
    frugal = dataclasses.replace(job, frugal=True)
    found = found_for(job)
    assert [need.size for need in job.space_check(package).needs(found)] == [found.work_bytes, found.package_bytes]
    assert [need.size for need in frugal.space_check(package).needs(found)] == [found.work_bytes, found.beside_bytes]
    monkeypatch.setattr("builder.stages.standardize.disk_space.on_one_file_system", lambda *_: False)
    assert frugal.space_check(package).needs(found) == [
        Need("WORK", job.work, found.work_bytes),
        Need("PACKAGE", package, found.package_bytes),
    ]


def test_stores_of_one_folder_share_its_room(tmp_path: Path) -> None:
    assert on_one_file_system(Store(tmp_path / "a" / "b"), Store(tmp_path / "c"))
    assert not on_one_file_system(Store(tmp_path), Store("memory://x"))
    assert not on_one_file_system(Store("memory://x"), Store("memory://x"))


def test_the_plan_says_that_pngs_were_removed(simulated: Path, tmp_path: Path) -> None:
    job, package = job_in(simulated, tmp_path), Store(tmp_path / "package")
    build(job, package)
    assert bytes_of_images(job.work) > 0
    assert not [line for line in plan_lines(plan(job, package)) if "were removed" in line]
    build(dataclasses.replace(job, frugal=True), package)
    assert bytes_of_images(job.work) == 0
    assert [line for line in plan_lines(plan(job, package)) if "PNGs of 24 parts were removed from WORK" in line]
    assert RECIPE.part_images == 20  # of 350 and 120 images
