"""The last stage takes networks' results from WORK.

It runs again where they change.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from builder.engine.store import Store
from builder.recipe import Recipe
from builder.stages import finish
from builder.stages.work_files import RESULTS


def test_results_in_work_are_handed_on_and_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(finish, "finish_package", lambda *arguments: given.append(arguments[-1]) or {})
    selection: Any = SimpleNamespace(
        report={}, dir_names=[], rejects_sha256="", rejects=None, fingerprints=lambda: iter(())
    )
    work = Store(str(tmp_path / "work"))
    stage = finish.Finish(work, Store(str(tmp_path / "p")), Recipe(), "arrow", selection, {}, [])
    monkeypatch.setattr(finish, "code_version", lambda *entries, **more: "")
    before = stage.fingerprint()
    stage.run()
    for content in (b"[]", b"[1]"):
        work.write_bytes(RESULTS, content)
        after = stage.fingerprint()
        assert after != before
        before = after
        stage.run()
    assert given == [None, b"[]", b"[1]"]
