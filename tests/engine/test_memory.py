from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from builder.engine import memory

MB = 1 << 20


def write(folder: Path, **contents: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")
    return folder


def test_the_tightest_group_above_the_process_counts(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    stat = f"anon 5\ninactive_file {300 * MB}"
    write(root / "job", memory__max=2000 * MB, memory__current=1500 * MB, memory__stat=stat)
    write(root / "job" / "step", memory__max="max", memory__current=100 * MB, memory__stat="anon 5")
    mine = tmp_path / "mine"
    mine.write_text("0::/job/step\n")
    assert list(memory._of_control_groups(mine, root)) == [800 * MB]


def test_groups_of_the_older_kind(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    write(
        root / "memory" / "job",
        memory__limit_in_bytes=1000 * MB,
        memory__usage_in_bytes=400 * MB,
        memory__stat=f"inactive_file 1\ntotal_inactive_file {MB}",
    )
    mine = tmp_path / "mine"
    mine.write_text("11:memory:/job\n4:cpu,cpuacct:/job\n")
    assert list(memory._of_control_groups(mine, root)) == [601 * MB]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_limit_of_the_process_counts() -> None:
    code = "import resource; from builder.engine import memory; print(memory.headroom()); "
    code += f"resource.setrlimit(resource.RLIMIT_AS, ({600 * MB}, {600 * MB})); print(memory.headroom())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    free, left = map(int, done.stdout.split())
    assert left < 600 * MB
    assert left < free


def test_what_the_parent_held_does_not_count() -> None:
    held = bytearray(b"x" * (400 << 20))
    ask = "from builder.engine import memory; print(memory.own_peak_memory())"
    said = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout
    assert 5 << 20 < int(said) < 300 << 20 < len(held)
    assert (memory.own_peak_memory() or 0) > len(held)
