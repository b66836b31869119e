"""What each command promises at Ctrl-C is true.

Interrupted at its work and run again, it gives what an undisturbed run gives.

``CYTOIMAGENET_INTERRUPTS`` are seconds after which every command is interrupted besides ("1.5 4 8" for the full test).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.package.verify import verify
from tests.building import LITTLE, files_of, in_this_process
from tests.package.made import make_package
from tests.release.made_release import CLASSES, rows_of, write_images, write_table

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]

ROOT = Path(__file__).parents[1]
Moment = float | Callable[[], object]
"""Seconds after the start, or what is true from then on."""

MOMENTS: tuple[Moment, ...] = tuple(float(moment) for moment in os.environ.get("CYTOIMAGENET_INTERRUPTS", "").split())


def interrupt(arguments: list[str], moment: Moment) -> tuple[int | None, str]:
    """Start a command and press Ctrl-C at a moment.

    Returns its exit code and what it wrote.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "builder", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    if callable(moment):
        while process.poll() is None and not moment():
            time.sleep(0.02)
    else:
        time.sleep(moment)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all processes of the command
    text, _ = process.communicate(timeout=240)
    return process.returncode, text


def interrupted_often(arguments: list[str], *moments: Moment) -> None:
    for moment in (*moments, *MOMENTS):
        code, text = interrupt(arguments, moment)
        assert code in (0, 130), text
        assert "Traceback" not in text
        if code == 130 and callable(moment):
            assert "interrupted; " in text
        if code == 0 and not callable(moment):
            return  # it was done before


def exists(folder: Path, pattern: str) -> Callable[[], object]:
    def found() -> object:
        try:
            return next(folder.glob(pattern), None)
        except FileNotFoundError:  # a folder that was renamed while it was looked through
            return None

    return found


def test_demo_goes_on(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    arguments = ["demo", str(demo), "--workers", "0"]
    interrupted_often(arguments, exists(demo, "data/.making-*/**/*.*"), exists(demo, "**/standardized/*/*.parquet"))
    done = in_this_process(*arguments)
    assert "Loaded: " in done.stdout
    assert not list(demo.glob("data/.making-*"))


def test_build_goes_on_to_the_same_bytes(little: Path, little_built: Path, tmp_path: Path) -> None:
    work = tmp_path / "cytoimagenet.work"
    arguments = ["build", str(little), "-o", str(tmp_path / "cytoimagenet"), *LITTLE, "--workers"]
    code, text = interrupt([*arguments, "2"], exists(work, "standardized/*/*.parquet"))
    if code == 130:
        assert "run the same command again to resume" in text
    for path in work.rglob("part-*.parquet"):
        assert path.with_suffix(".arrow").exists()
    interrupted_often([*arguments, "1"], exists(work, "selection.parquet"))
    in_this_process(*arguments, "0")
    assert files_of(tmp_path / "cytoimagenet") == files_of(little_built)


def test_verify_and_report_can_be_run_again(little_built: Path, tmp_path: Path) -> None:
    page = tmp_path / "report" / "index.html"
    for arguments in (["verify", str(little_built), "--deep"], ["report", str(little_built), "-o", str(page.parent)]):
        interrupted_often(arguments, 2.0)
        in_this_process(*arguments)
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["report"], "nothing half-written is left"


def test_convert_annotate_and_export_go_on(little: Path, tmp_path: Path) -> None:
    make_package(tmp_path / "package")
    release = tmp_path / "release"
    rows = [row for name in CLASSES for row in rows_of(name, 12)]
    write_table(release / "metadata.csv", rows)
    write_images(release, rows)
    for arguments, begun in (
        (["convert", str(release), "--workers", "0", "-o"], "convert.work/**/*.parquet"),
        (["annotate", str(little), "--workers", "1", "-o"], "annotate/**/*"),
        (["export", str(tmp_path / "package"), "--to", "parquet", "-o"], "export/**/*"),
    ):
        out = tmp_path / arguments[0]
        interrupted_often([*arguments, str(out)], exists(tmp_path, begun))
        done = in_this_process(*arguments, out, check=False)
        assert done.returncode == 0 or "name a new folder" in done.stderr  # an export that came to its end before
        if arguments[0] != "annotate":
            assert verify(str(out)) == []
    in_this_process("convert", release, "--workers", "0", "-o", tmp_path / "undisturbed")
    assert files_of(tmp_path / "undisturbed") == files_of(tmp_path / "convert")
