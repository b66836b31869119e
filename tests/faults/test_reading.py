"""A file system that fails while a build reads from it: nothing is remembered of it, and nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.building import files_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler"),
]

ROOT = Path(__file__).parents[2]
SETTINGS = (
    "--set",
    "min_images=10",
    "--set",
    "class_size=100",
    "--set",
    "min_class_size=10",
    "--set",
    "part_images=10",
)


class Broken:
    """Opening some files fails, with the errors that are set, for all processes that are started with it."""

    def __init__(self, folder: Path, paths: str) -> None:
        library = folder / "broken_open.so"
        source = Path(__file__).with_name("broken_open.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self.folder = folder / "broken"
        self.folder.mkdir()
        self.environment = {"LD_PRELOAD": str(library), "BROKEN": str(self.folder), "BROKEN_PATHS": paths}

    def set(self, code: int) -> None:
        """Have opening fail with this error; 0 mends it."""
        for mark in self.folder.iterdir():
            mark.unlink()
        if code:
            (self.folder / str(code)).touch()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 20 images each, in the layout of kag_cell_cycle."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for phase in ("interphase", "mitosis"):
        here = folder / "kag_cell_cycle/nematode cells/nematode cells" / phase
        here.mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 255, (40, 40, 3), np.uint8)
            Image.fromarray(pixels).save(here / f"IMG_{1600 + number}-{4 if phase == 'mitosis' else 1}.jpg", quality=90)
    return folder


@pytest.fixture
def broken(tmp_path: Path) -> Broken:
    return Broken(tmp_path, "mitosis/IMG_160")  # ten files


def build(data: Path, out: Path, *options: str, broken: Broken | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CYTOIMAGENET_PATIENCE": "0.5"}
    command = [sys.executable, "-m", "builder", "build", data, "-o", out / "cytoimagenet", *SETTINGS, *options]
    return subprocess.run(
        [*map(str, command), "--workers", "1"],
        env={**environment, **(broken.environment if broken else {})},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed")
    done = build(data, out)
    assert done.returncode == 0, done.stderr
    return files_of(out / "cytoimagenet")


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EACCES, errno.EIO])
def test_a_fault_ends_the_build_in_one_line_and_leaves_no_trace(
    data: Path, tmp_path: Path, broken: Broken, undisturbed: dict[str, str], code: int
) -> None:
    broken.set(code)
    done = build(data, tmp_path, broken=broken)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"cannot be read ({OSError(code, '').__class__.__name__}: {os.strerror(code)})" in done.stderr
    assert "--skip-unreadable" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "cytoimagenet/manifest.json").exists()
    broken.set(0)
    done = build(data, tmp_path, broken=broken)
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "cytoimagenet") == undisturbed


def test_skipped_images_are_counted_tried_again_and_never_taken_for_refused(
    data: Path, tmp_path: Path, broken: Broken, undisturbed: dict[str, str]
) -> None:
    broken.set(errno.EIO)
    for _ in range(2):  # the second time nothing has changed, and it is no success either
        done = build(data, tmp_path, "--skip-unreadable", "--json", broken=broken)
        assert done.returncode == 3, done.stderr
        rejects = json.loads(done.stdout)["rejects"]
        assert rejects["not_tried"] == {"not_tried": 10}
        assert rejects["unreadable"] == {}
    broken.set(0)
    done = build(data, tmp_path, "--json", broken=broken)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rejects"]["not_tried"] == {}
    assert files_of(tmp_path / "cytoimagenet") == undisturbed


def test_a_file_that_cannot_be_decoded_is_refused_and_tried_again_on_request(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    victim = sorted(copy.rglob("*.jpg"))[3]
    whole, times = victim.read_bytes(), victim.stat()
    victim.write_bytes(whole[:4] + bytes(len(whole) - 4))  # of the same size and time: no build sees it change
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    done = build(copy, tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rejects"]["unreadable"] == {"unreadable": 1}
    victim.write_bytes(whole)
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    done = build(copy, tmp_path, "--json")
    assert json.loads(done.stdout)["rejects"]["unreadable"] == {"unreadable": 1}, "a fact about bytes is remembered"
    status = subprocess.run(
        [sys.executable, "-m", "builder", "status", str(tmp_path / "cytoimagenet.work")],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "refused so far, unreadable: 1, since 20" in status.stdout
    done = build(copy, tmp_path, "--retry-rejects", "unreadable", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rejects"]["unreadable"] == {}
