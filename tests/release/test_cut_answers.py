"""Answers that come short are no facts about the release."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.errors import UserError
from builder.release.convert import convert
from builder.stages.context import BuildContext
from tests.release.made_release import CLASSES, rows_of, write_images, write_table


def test_an_answer_that_was_cut_ends_the_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a reject, it would look like a broken example."""
    rows = [row for name in CLASSES for row in rows_of(name, 12)]
    write_table(tmp_path / "release/metadata.csv", rows)
    write_images(tmp_path / "release", rows)
    memory = fsspec.filesystem("memory")
    memory.put(f"{tmp_path}/release/", f"/{tmp_path.name}/", recursive=True)
    plain, victim = type(memory).cat_file, rows[3]["filename"]

    def cut(system: object, path: str, **how: object) -> bytes:
        found: bytes = plain(system, path, **how)
        return found[: len(found) // 2] if path.endswith(victim) else found

    monkeypatch.setattr(type(memory), "cat_file", cut)
    job = BuildContext(f"memory://{tmp_path.name}", Store(tmp_path / "work"), settings=RunSettings(workers=0))
    with pytest.raises(UserError, match=rf"{victim}: \d+ bytes came, not \d+"):
        convert(job, Store(tmp_path / "package"))
