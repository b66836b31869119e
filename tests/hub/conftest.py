"""A hub on loopback, and clients that use nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
from huggingface_hub.utils import disable_progress_bars

from builder.package.verify import verify
from tests.hub.server import Hub
from tests.package.made import make_package


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Start a hub without repositories.

    The client in this process uses LFS, for there is no xet service. What is pushed is verified in this process: one of
    its own takes seconds, and is tests/package/test_verify.py's.
    """
    monkeypatch.setattr("builder.hub.push.verify_in_subprocess", verify)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    disable_progress_bars()
    with Hub(tmp_path / "hub", multipart=8_000) as server:
        yield server
    assert [line for line in server.log if line.startswith("ERROR")] == []


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package, not to be changed."""
    folder = tmp_path_factory.mktemp("built") / "cytoimagenet"
    make_package(folder)
    return folder
