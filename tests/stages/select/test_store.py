"""A selection is repeated only where its inputs changed."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from builder.engine.store import Store
from builder.recipe import Recipe
from builder.schema import REJECTS, SELECTION
from builder.stages import pipeline
from builder.stages.select.stage import Select
from builder.stages.select.store import StoredSelection, store_selection
from tests.building import files_of
from tests.stages.made_parts import image, tables
from tests.stages.shard.test_eviction import RECIPE, job_in

pytestmark = pytest.mark.slow

SELECTED = tables(
    [image(n, label, examples=2) for label in ("a", "b") for n in range(10 * (label == "b"), 10 + 5 * (label == "b"))]
).select(Recipe(class_size=100, min_class_size=1, shard_bytes=6000))


@pytest.fixture(scope="module")
def plain(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return WORK and PACKAGE of an ordinary build, to copy."""
    folder = tmp_path_factory.mktemp("plain")
    pipeline.build(job_in(simulated, folder), Store(folder / "package"))
    return folder


@pytest.fixture
def folder(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "copy"))


@pytest.fixture
def selections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever a selection is made."""
    made: list[int] = []
    run = Select.run

    def counted(stage: Select) -> object:
        made.append(1)
        return run(stage)

    monkeypatch.setattr(Select, "run", counted)
    return made


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    work = Store(tmp_path)
    stored, facts = store_selection(work, SELECTED)
    found = StoredSelection.find(work, json.loads(json.dumps(facts)))
    assert found is not None
    for one in (stored, found):
        whole = SELECTED.selection.cast(SELECTION)
        shards = [plan.shard for plan in one.shards]
        for order in (shards, shards[::-1]):
            rows = pa.concat_tables(one.rows(order, SELECTION.names))
            assert rows.schema == SELECTION
            assert rows.equals(pa.concat_tables(whole.filter(pc.equal(whole["shard"], shard)) for shard in order))
        assert rows.num_rows == whole.num_rows
        [first, *_] = one.rows(shards, ["position", "idx"])
        assert first.column_names == ["position", "idx"]
        assert (
            one.columns("scaling", "label")
            .cast(pa.schema([SELECTION.field("scaling"), SELECTION.field("label")]))
            .equals(whole.select(["scaling", "label"]))
        )
        assert one.rejects.equals(SELECTED.rejects)
        assert one.rejects.schema == REJECTS
        assert one.report == SELECTED.report
        assert one.examples == SELECTED.selection.num_rows
    work.write_bytes("rejects.parquet", b"shorter")
    assert StoredSelection.find(work, facts) is None


def test_a_shards_content_is_its_rows_but_for_where_the_examples_lie(tmp_path: Path) -> None:
    stored, _ = store_selection(Store(tmp_path), SELECTED)
    assert len(stored.shards) > 2
    moved = SELECTED.selection.set_column(
        SELECTION.get_field_index("part"),
        SELECTION.field("part"),
        [["elsewhere"] * SELECTED.selection.num_rows],
    )
    assert contents(tmp_path, moved) == [plan.content for plan in stored.shards]
    changed = SELECTED.selection.set_column(
        SELECTION.get_field_index("license"),
        SELECTION.field("license"),
        [["CC0-1.0"] * (SELECTED.selection.num_rows - 1) + ["other"]],
    )
    same = [a == b.content for a, b in zip(contents(tmp_path, changed), stored.shards, strict=True)]
    assert same == [True] * (len(same) - 1) + [False]


def contents(folder: Path, selection: object) -> list[str]:
    selected = SELECTED._replace(selection=selection)  # type: ignore[arg-type]
    stored, _ = store_selection(Store(folder), selected)
    return [plan.content for plan in stored.shards]


def test_the_same_build_selects_nothing_again(simulated: Path, folder: Path, selections: list[int]) -> None:
    pipeline.build(job_in(simulated, folder), Store(folder / "package"))
    assert not selections


@pytest.mark.parametrize(
    "change", [{"min_class_size": 60}, {"seed": 1}, {"validation_share": 0.2}, {"shard_bytes": 200_000}]
)
def test_another_recipe_selects_again(
    simulated: Path, folder: Path, selections: list[int], change: dict[str, float]
) -> None:
    recipe = dataclasses.replace(RECIPE, **change)  # type: ignore[arg-type]
    pipeline.build(job_in(simulated, folder, recipe=recipe), Store(folder / "package"))
    assert selections


def test_numbers_of_later_stages_select_nothing_again(simulated: Path, folder: Path, selections: list[int]) -> None:
    recipe = dataclasses.replace(RECIPE, batch_rows=50)
    pipeline.build(job_in(simulated, folder, recipe=recipe), Store(folder / "package"))
    assert not selections


def test_fewer_sources_select_again(simulated: Path, folder: Path, selections: list[int]) -> None:
    pipeline.build(job_in(simulated, folder, only=("bbbc041",)), Store(folder / "package"))
    assert selections


def test_a_part_that_is_gone_is_made_again_and_the_selection_stays(
    simulated: Path, plain: Path, folder: Path, selections: list[int]
) -> None:
    part = next((folder / "work" / "standardized").rglob("part-*.parquet"))
    content = pq.read_table(part)
    part.unlink()
    pipeline.build(job_in(simulated, folder), Store(folder / "package"))
    assert pq.read_table(part).equals(content)  # what differs is when it was made
    assert not selections
    assert files_of(folder / "package") == files_of(plain / "package")


@pytest.mark.parametrize("name", ["selection.parquet", "rejects.parquet", "markers/select.json", "assignments.parquet"])
def test_a_table_that_is_gone_is_made_again(simulated: Path, plain: Path, folder: Path, name: str) -> None:
    (folder / "work" / name).unlink()
    pipeline.build(job_in(simulated, folder), Store(folder / "package"))
    assert (folder / "work" / name).exists()
    assert files_of(folder / "package") == files_of(plain / "package")
