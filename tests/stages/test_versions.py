from __future__ import annotations

from pathlib import Path

import pytest

from builder.stages import versions


def version_of(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str = "pixels/a.py") -> str:
    (tmp_path / "pixels").mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(versions, "_ROOT", tmp_path)
    versions.code_version.cache_clear()
    try:
        return versions.code_version("standardize")
    finally:
        versions.code_version.cache_clear()


def test_comments_and_docstrings_do_not_count_and_code_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = version_of('"""One."""\ndef f():\n    "two"\n    return 1\n', tmp_path, monkeypatch)
    assert version_of('"""Other."""\n# why\ndef f():\n    "three"\n\n    return 1\n', tmp_path, monkeypatch) == plain
    assert version_of('"""One."""\ndef f():\n    "two"\n    return 2\n', tmp_path, monkeypatch) != plain


def test_data_files_count_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = version_of("a,b\n", tmp_path, monkeypatch, "pixels/table.csv")
    assert version_of("a,c\n", tmp_path, monkeypatch, "pixels/table.csv") != first


@pytest.mark.parametrize(
    ("stage", "file"),
    [
        ("standardize", "stages/standardize/channels.py"),  # which planes and regions
        ("select", "stages/standardize/part_rows.py"),  # which part's example of an image
        ("shard", "pixels/resize.py"),  # examples of a compact package are made with the shard
        ("shard", "stages/shard/part_images.py"),
    ],
)
def test_a_stage_is_redone_when_code_that_decides_its_result_changes(
    stage: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (versions._ROOT / file).is_file()
    (tmp_path / file).parent.mkdir(parents=True)
    monkeypatch.setattr(versions, "_ROOT", tmp_path)
    found = []
    for text in ("a = 1", "a = 2"):
        (tmp_path / file).write_text(text)
        versions.code_version.cache_clear()
        found.append(versions.code_version(stage))
    versions.code_version.cache_clear()
    assert found[0] != found[1]
