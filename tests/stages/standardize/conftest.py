"""What tests of reading source images share."""

from __future__ import annotations

import pytest

from builder.stages.standardize import patience


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask failing reads once, not for half a minute."""
    for name in ("_PATIENCE", "_ANSWER_PATIENCE"):
        monkeypatch.setattr(patience, name, 0.0)
    monkeypatch.setattr(patience, "_out_of_patience", False)
