"""Pairs across the split are kept with a report.

They are reused only where they are of the same tables.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from builder.engine.store import Store
from builder.inspect.explorer import compared as module
from builder.inspect.explorer.audit import split_audit, with_split
from builder.inspect.explorer.compared import KEPT, compared
from builder.inspect.explorer.rows import read_rows
from builder.package.content_audit import ContentAudit, Pair
from builder.package.manifest import read_manifest
from cytoimagenet_reader import layout

FOUND = ContentAudit([Pair(0, 5, 1.0)], [Pair(1, 7, 0.875, True), Pair(2, 6, 0.8125)], (11, 4), 3)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    made: list[int] = []

    def content_audit(rows: Any, fingerprints: Any) -> ContentAudit:
        made.append(len(rows))
        return FOUND

    monkeypatch.setattr(module, "content_audit", content_audit)
    return made


def test_pairs_are_taken_from_the_last_report_of_the_same_tables(
    shown_package: Path, tmp_path: Path, calls: list[int]
) -> None:
    package = Store(str(shown_package))
    manifest, rows = read_manifest(package), with_split(read_rows(package))
    for name in "abcd":
        (tmp_path / name / KEPT).parent.mkdir(parents=True)
    assert compared(package, manifest, rows, tmp_path / "a", tmp_path / "none") == FOUND
    assert compared(package, manifest, rows, tmp_path / "b", tmp_path / "a") == FOUND
    assert calls == [len(rows)], "the second report takes what the first found"
    assert (tmp_path / "b" / KEPT).read_bytes() == (tmp_path / "a" / KEPT).read_bytes()
    other = copy.deepcopy(manifest)
    other["files"][layout.METADATA_TABLE]["sha256"] = "0" * 64
    compared(package, other, rows, tmp_path / "c", tmp_path / "b")
    assert len(calls) == 2, "another table is compared"
    (tmp_path / "c" / KEPT).write_bytes(b"cut")
    compared(package, other, rows, tmp_path / "d", tmp_path / "c")
    assert len(calls) == 3, "an unreadable file is no result"


def test_an_audit_that_was_not_made_says_so(shown_package: Path, tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir()
    package = Store(str(shown_package))
    found = split_audit(tmp_path, package, read_manifest(package), read_rows(package), None, None)
    assert found["content"] is None
    assert found["overlaps"] is None
    assert set(found["checks"].values()) == {0}
    assert not found["pairs"]
