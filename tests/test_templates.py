from __future__ import annotations

from pathlib import Path

import pytest

from builder import templates
from builder.errors import UserError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "builder"
    folder.mkdir()
    monkeypatch.setattr(templates, "_HERE", folder)
    return folder


def put(folder: Path) -> Path:
    (folder / "dataset_card").mkdir()
    (folder / "dataset_card/README.md.j2").touch()
    return folder / "dataset_card"


def test_in_a_checkout_they_lie_beside_the_package(here: Path) -> None:
    beside = put(here.parent)
    assert templates.template_folder() == beside


def test_in_a_wheel_they_lie_inside_it_whatever_lies_beside(here: Path) -> None:
    put(here.parent)
    inside = put(here)
    assert templates.template_folder() == inside


def test_without_them_the_error_names_the_fix(here: Path) -> None:
    with pytest.raises(UserError, match="install cytoimagenet again"):
        templates.template_folder()
