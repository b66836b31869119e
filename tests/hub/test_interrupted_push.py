"""After Ctrl-C, what ``push`` promises is true at any moment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.building import cytoimagenet
from tests.hub.faults import Faults
from tests.hub.server import Hub
from tests.hub.test_kills import REPO, whole_builds
from tests.package.made import make_package
from tests.test_interrupted import MOMENTS, interrupt

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]


def test_push_goes_on_from_where_it_was(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The branch holds whole builds only.

    What had been sent is not sent again.
    """
    for name, value in {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_writer", "HF_HUB_DISABLE_XET": "1"}.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "cytoimagenet"
    manifest = make_package(folder, side=64, per_class=20, shards=16)
    hub.multipart = 30_000
    size = sum(facts["bytes"] for path, facts in manifest["files"].items() if path.startswith("data/"))
    hub.faults = Faults(bytes_per_second=size // 8)
    for moment in (1.0, lambda: hub.received_files > 0.2 * size, lambda: hub.received_files > 0.6 * size, *MOMENTS):
        code, text = interrupt(["push", str(folder), REPO], moment)
        assert "Traceback" not in text
        if callable(moment):
            assert code == 130, text
            assert text.rstrip().splitlines()[-1].startswith("interrupted; "), text
        if list((tmp_path / "hub/repos").iterdir()):
            assert set(whole_builds(hub)) <= {manifest["version"]}
    assert f"verifying {folder}" in cytoimagenet("push", folder, REPO).stderr
    assert whole_builds(hub) == [manifest["version"]]
    assert hub.received_files < 1.3 * size
