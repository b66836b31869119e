from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builder.engine.space import Need, check_space, free_bytes, readable
from builder.engine.store import Store
from builder.errors import UserError


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> int:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    return 1_000_000


def test_room_of_a_folder_that_is_not_there_yet(tmp_path: Path, free: int) -> None:
    assert free_bytes(Store(tmp_path / "a" / "b")) == free


def test_a_remote_store_has_no_end() -> None:
    store = Store("memory://x")
    assert free_bytes(store) is None
    assert check_space([Need("package", store, 10**18)]) == ["package: 1,000.0 PB in memory://x"]


def test_enough(tmp_path: Path, free: int) -> None:
    needs = [Need("work", Store(tmp_path / "w"), 700_000), Need("package", Store(tmp_path / "p"), 250_000)]
    assert check_space(needs) == [
        f"work: 700 kB in {tmp_path}/w, 1.0 MB free",
        f"package: 250 kB in {tmp_path}/p, 1.0 MB free",
    ]


def test_too_little_for_both_though_enough_for_each(tmp_path: Path, free: int) -> None:
    needs = [Need("work", Store(tmp_path / "w"), 700_000), Need("package", Store(tmp_path / "p"), 300_000)]
    with pytest.raises(UserError, match=r"work .* and package .* need 1.1 MB and 1.0 MB are free: free some space"):
        check_space(needs)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_949, "99.9 kB"), (99_960, "100 kB"), (999_600, "1.0 MB")],
)
def test_readable(size: int, text: str) -> None:
    assert readable(size) == text
