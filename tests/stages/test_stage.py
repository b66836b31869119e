"""The contract of a stage.

It runs only if the last result was made from something else, or is not whole.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import pytest

from builder import code_version
from builder.code_version import NEUTRAL, PROJECT, reachable
from builder.engine.store import Store
from builder.stages import pipeline
from builder.stages.stage import Facts, carry_out
from tests.stages.shard.test_eviction import job_in


@dataclasses.dataclass
class Doubling:
    """A stage that doubles a number, in a file."""

    work: Store
    number: int
    runs: int = 0
    name: ClassVar[str] = "doubling"

    def fingerprint(self) -> str | None:
        return f"of {self.number}"

    def find(self, facts: Facts) -> int | None:
        return facts["double"] if self.work.exists("double") else None

    def run(self) -> tuple[int, Facts]:
        self.runs += 1
        self.work.write_bytes("double", str(2 * self.number).encode())
        return 2 * self.number, {"double": 2 * self.number}

    def describe(self, result: int) -> str:
        return f"it is {result}"


@pytest.fixture
def stage(tmp_path: Path) -> Doubling:
    return Doubling(Store(tmp_path), 4)


def test_a_stage_runs_once_and_says_so(stage: Doubling, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert [carry_out(stage), carry_out(stage)] == [8, 8]
    assert stage.runs == 1
    assert caplog.messages == ["doubling: it is 8", "doubling: nothing to do: it is 8"]


def test_a_stage_runs_again_for_other_inputs(stage: Doubling) -> None:
    carry_out(stage)
    other = dataclasses.replace(stage, number=5, runs=0)
    assert carry_out(other) == 10
    assert other.runs == 1


def test_a_stage_runs_again_where_its_result_is_not_whole(stage: Doubling) -> None:
    carry_out(stage)
    stage.work.delete("double")
    assert carry_out(stage) == 8
    assert stage.runs == 2


def test_a_stage_without_a_fingerprint_always_runs(stage: Doubling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Doubling, "fingerprint", lambda _: None)
    carry_out(stage)
    carry_out(stage)
    assert stage.runs == 2
    assert stage.work.list("markers") == []


def test_what_fails_is_not_marked(stage: Doubling, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: Doubling) -> tuple[int, Facts]:
        raise OSError("no disk")

    monkeypatch.setattr(Doubling, "run", failing)
    with pytest.raises(OSError, match="no disk"):
        carry_out(stage)
    monkeypatch.undo()
    assert carry_out(stage) == 8
    assert stage.runs == 1


DECIDES_NOTHING = {
    f"builder.stages.{name}"
    for name in (
        *("stage", "task_runner", "context", "finish", "category_order", "annotate.stage", "annotate.discover"),
        *("label.stage", "standardize.stage", "standardize.disk_space", "standardize.part_images"),
        *(
            "standardize.faulty_files",
            "standardize.precompile",
            "standardize.rejects",
            "select.stage",
            "shard.stage",
            "shard.eviction",
        ),
    )
}
"""Whether there is a result, which images are still to do, whether they have space, what may go; never what it is."""
DECIDES_NOTHING_HERE = {"standardize": {"builder.stages.standardize.part_rows", "builder.stages.standardize.rejects"}}
"""Which images a part holds already, or has refused and is asked to try again."""


@pytest.mark.slow
def test_every_module_that_runs_while_a_result_is_made_counts(simulated: Path, tmp_path: Path) -> None:
    ran: dict[str, set[str]] = {}
    entries: dict[str, set[str]] = {}
    with traced(ran, entries):
        pipeline.build(job_in(simulated, tmp_path), Store(tmp_path / "package"))
    assert list(ran) == ["annotate", "label", "standardize", "select", "shard", "finish"]
    for stage, modules in ran.items():
        counted = reachable(entries[stage], code_version._roots()).keys()
        neutral = {module for module in modules if f"{module}.".startswith(tuple(f"{name}." for name in NEUTRAL))}
        left_out = modules - counted - neutral - DECIDES_NOTHING - DECIDES_NOTHING_HERE.get(stage, set())
        assert not left_out, f"{stage} runs code that its version leaves out"
        assert modules & counted, "the trace saw the stage's own code"


@contextmanager
def traced(ran: dict[str, set[str]], entries: dict[str, set[str]]) -> Iterator[None]:
    """Note the modules whose functions each stage calls.

    Noted besides are those whose code it counts.

    Loops that numba has compiled do not show; the modules that hold them do, by their other functions.
    """
    carry_out, version = pipeline.carry_out, code_version._code_version
    current = ""

    def note(frame: FrameType, event: str, _: Any) -> None:
        module = frame.f_globals.get("__name__", "")
        if event == "call" and current and frame.f_code.co_name != "<module>" and module.startswith(PROJECT):
            ran[current].add(module)

    def watched(stage: Any) -> Any:
        nonlocal current
        current = stage.name
        ran[current], entries[current] = set(), set()
        try:
            return carry_out(stage)
        finally:
            current = ""

    def counting(*modules: str) -> str:
        if current:
            entries[current].update(modules)
        return version(*modules)

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(pipeline, "carry_out", watched)
        patches.setattr(code_version, "_code_version", counting)
        sys.setprofile(note)
        try:
            yield
        finally:
            sys.setprofile(None)
