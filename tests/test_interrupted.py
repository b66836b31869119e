"""What each command promises at Ctrl-C is true: interrupted at several moments, run again, the same as undisturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builder.package.verify import verify
from tests.building import SMALL, cytoimagenet, files_of
from tests.package.made import make_package
from tests.release.made_release import CLASSES, rows_of, write_images, write_table

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]

ROOT = Path(__file__).parents[1]
MOMENTS = tuple(float(moment) for moment in os.environ.get("CYTOIMAGENET_INTERRUPTS", "1.5 4 8").split())
"""Seconds after its start at which a command is interrupted; the full test has five."""


def interrupt(arguments: list[str], seconds: float) -> tuple[int | None, str]:
    """Start a command, press Ctrl-C after so many seconds, and return its exit code and what it wrote."""
    process = subprocess.Popen(
        [sys.executable, "-m", "builder", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    time.sleep(seconds)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all processes of the command
    text, _ = process.communicate(timeout=120)
    return process.returncode, text


def interrupted_often(arguments: list[str], moments: tuple[float, ...] = MOMENTS) -> None:
    for moment in moments:
        code, text = interrupt(arguments, moment)
        assert code in (0, 130), text
        assert "Traceback" not in text
        if code == 130 and moment > moments[0]:
            assert "interrupted; " in text
        if code == 0:
            return  # it was done before


def test_demo_goes_on(tmp_path: Path) -> None:
    interrupted_often(["demo", str(tmp_path / "demo"), "--workers", "1"])
    done = cytoimagenet("demo", tmp_path / "demo", "--workers", "1")
    assert "Loaded: " in done.stdout
    assert not list((tmp_path / "demo/data").glob(".making-*"))


def test_build_goes_on_to_the_same_bytes(simulated: Path, built: Path, tmp_path: Path) -> None:
    arguments = ["build", str(simulated), "-o", str(tmp_path / "cytoimagenet"), *SMALL, "--workers", "1"]
    interrupted_often(arguments)
    cytoimagenet(*arguments)
    assert files_of(tmp_path / "cytoimagenet") == files_of(built)


def test_verify_and_report_can_be_run_again(built: Path, tmp_path: Path) -> None:
    page = tmp_path / "report" / "index.html"
    for arguments in (["verify", str(built), "--deep"], ["report", str(built), "-o", str(page.parent)]):
        interrupted_often(arguments)
        assert cytoimagenet(*arguments).returncode == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["report"], "nothing half-written is left"


def test_convert_annotate_and_export_go_on(simulated: Path, tmp_path: Path) -> None:
    make_package(tmp_path / "package")
    release = tmp_path / "release"
    rows = [row for name in CLASSES for row in rows_of(name, 12)]
    write_table(release / "metadata.csv", rows)
    write_images(release, rows)
    for arguments in (
        ["convert", str(release), "--workers", "1", "-o"],
        ["annotate", str(simulated), "--workers", "1", "-o"],
        ["export", str(tmp_path / "package"), "--to", "parquet", "-o"],
    ):
        out = tmp_path / arguments[0]
        interrupted_often([*arguments, str(out)], tuple(moment / 2 for moment in MOMENTS[-2:]))
        done = cytoimagenet(*arguments, out, check=False)
        assert done.returncode == 0 or "name a new folder" in done.stderr  # an export that came to its end before
        if arguments[0] != "annotate":
            assert verify(str(out)) == []
    cytoimagenet("convert", release, "--workers", "1", "-o", tmp_path / "undisturbed")
    assert files_of(tmp_path / "undisturbed") == files_of(tmp_path / "convert")
