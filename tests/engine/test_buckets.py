"""Whole builds by the command line with DATA, WORK and PACKAGE in buckets of an S3 server that misbehaves."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("moto")
pytest.importorskip("s3fs")

from builder.engine.store import Store
from tests.building import SMALL, cytoimagenet, files_of
from tests.engine.s3 import Server, running_server

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "kag_cell_cycle"
SETTINGS = (*SMALL, "--only", SOURCE)


@pytest.fixture(scope="module")
def wanted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of an undisturbed build on local disks."""
    out = tmp_path_factory.mktemp("undisturbed") / "cytoimagenet"
    cytoimagenet("build", data, "-o", out, *SETTINGS, "--workers", "2")
    return files_of(out)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server to which all S3 clients of this process and of those that it starts are pointed."""
    with running_server() as made, pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment().items():
            patch.setenv(name, value)
        yield made


@pytest.fixture(scope="module")
def sources(server: Server, data: Path) -> str:
    """The URL of the sources in a bucket."""
    store = Store(f"s3://{server.bucket()}/data")
    for path in data.rglob("*"):
        rel = path.relative_to(data).as_posix()
        if path.is_file() and rel.partition("/")[0] in (SOURCE, "SIMULATED.txt"):
            store.write_bytes(rel, path.read_bytes())
    return store.url


@pytest.fixture
def url(server: Server, sources: str) -> Iterator[str]:
    """The URL of an empty bucket."""
    yield f"s3://{server.bucket()}"
    server.faults.fail = lambda method, path: ""
    server.faults.stop.set()
    server.faults.stop = threading.Event()


def arguments(sources: str, url: str) -> list[str]:
    return ["build", sources, "-o", f"{url}/package", "--work", f"{url}/work", *SETTINGS, "--workers", "2"]


def content(url: str) -> dict[str, str]:
    package = Store(f"{url}/package")
    return {name: package.sha256(name) for name in package.list()}


def start(sources: str, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "builder", *arguments(sources, url)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def test_errors_delays_cut_answers_and_kills_change_nothing(
    server: Server, sources: str, url: str, wanted: dict[str, str]
) -> None:
    draw = random.Random(5)
    faults = {"503": 0.04, "slow": 0.02, "cut": 0.02, "": 0.92}
    for folder in ("work/standardized", "package/data"):
        begun = threading.Event()  # the first file arrives there; to list the bucket could take until all is done

        def fail(method: str, path: str, folder: str = folder, begun: threading.Event = begun) -> str:
            if method == "PUT" and f"/{folder}/" in path:
                begun.set()
            return draw.choices(list(faults), list(faults.values()))[0]

        server.faults.fail = fail
        process = start(sources, url)
        while not begun.wait(0.2):
            assert process.poll() is None, process.communicate()[1]
        time.sleep(draw.uniform(0, 0.3))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it had ended before: the test proves nothing"
        assert not Store(f"{url}/package").exists("manifest.json")
    cytoimagenet(*arguments(sources, url))
    server.faults.fail = lambda method, path: ""
    assert server.faults.failed > 10
    assert content(url) == wanted


def test_a_store_that_gives_no_answer_is_one_line_in_bounded_time_and_the_rerun_goes_on(
    server: Server, sources: str, url: str, wanted: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"config_kwargs": {"read_timeout": 0.5, "retries": {"max_attempts": 1}}}
    monkeypatch.setenv("FSSPEC_S3", json.dumps(config))
    monkeypatch.setenv("CYTOIMAGENET_PATIENCE", "3")
    seen: list[str] = []

    def fail(method: str, path: str) -> str:
        seen.append(path)
        return "hang" if 60 < len(seen) < 65 or len(seen) > 150 else ""

    server.faults.fail = fail
    began = time.monotonic()
    done = cytoimagenet(*arguments(sources, url), check=False)
    assert time.monotonic() - began < 120
    server.faults.fail = lambda method, path: ""
    server.faults.stop.set()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(seen) > 150, "no answer for a while is no reason to end"
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: s3://bucket-")
    assert "run the same again" in last
    monkeypatch.delenv("FSSPEC_S3")  # half a second is less than a sound server on a busy machine may take
    monkeypatch.delenv("CYTOIMAGENET_PATIENCE")
    cytoimagenet(*arguments(sources, url))
    assert content(url) == wanted
    assert re.search(r"(?m)^standardize: (\d+) of \1 done", cytoimagenet("status", f"{url}/work").stdout)
    plan = cytoimagenet(*arguments(sources, url), "--plan")
    assert "120 of them standardized" in plan.stdout
    assert f"{SOURCE}: 120 images (as before)" in plan.stderr
