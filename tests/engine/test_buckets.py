"""Whole builds in buckets of an S3 server that misbehaves.

DATA, WORK and PACKAGE all lie there.
"""

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
from tests.building import LITTLE, files_of, in_this_process
from tests.engine.s3 import Server, running_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),  # both wait for the store, longest where all cores are busy
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "kag_cell_cycle"


@pytest.fixture(scope="module")
def wanted(little_built: Path) -> dict[str, str]:
    """The files of an undisturbed build on local disks."""
    return files_of(little_built)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Start an S3 server and point all clients to it.

    Those of this process and of the processes that it starts.
    """
    with running_server() as made, pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment().items():
            patch.setenv(name, value)
        yield made


@pytest.fixture(scope="module")
def sources(server: Server, little: Path) -> str:
    """The URL of the sources in a bucket."""
    store = Store(f"s3://{server.bucket()}/data")
    for path in little.rglob("*.jpg"):
        store.write_bytes(path.relative_to(little).as_posix(), path.read_bytes())
    return store.url


@pytest.fixture
def url(server: Server, sources: str) -> Iterator[str]:
    """The URL of an empty bucket."""
    yield f"s3://{server.bucket()}"
    server.faults.fail = lambda method, path: ""
    server.faults.stop.set()
    server.faults.stop = threading.Event()


def arguments(sources: str, url: str, workers: int) -> list[str]:
    return ["build", sources, "-o", f"{url}/package", "--work", f"{url}/work", *LITTLE, "--workers", str(workers)]


def content(url: str) -> dict[str, str]:
    package = Store(f"{url}/package")
    return {name: package.sha256(name) for name in package.list()}


def start(sources: str, url: str, workers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "builder", *arguments(sources, url, workers)],
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
    for folder, workers in (("work/standardized", 2), ("package/data", 0)):
        begun = threading.Event()  # the first file arrives there; to list the bucket could take until all is done

        def fail(method: str, path: str, folder: str = folder, begun: threading.Event = begun) -> str:
            if method == "PUT" and f"/{folder}/" in path:
                begun.set()
            return draw.choices(list(faults), list(faults.values()))[0]

        server.faults.fail = fail
        process = start(sources, url, workers)
        while not begun.wait(0.2):
            assert process.poll() is None, process.communicate()[1]
        time.sleep(draw.uniform(0, 0.3))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it had ended before: the test proves nothing"
        assert not Store(f"{url}/package").exists("manifest.json")
    in_this_process(*arguments(sources, url, 0))
    server.faults.fail = lambda method, path: ""
    assert server.faults.failed > 10
    assert content(url) == wanted


def test_a_store_that_gives_no_answer_is_one_line_in_bounded_time_and_the_rerun_goes_on(
    server: Server, sources: str, url: str, wanted: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"config_kwargs": {"read_timeout": 2, "retries": {"max_attempts": 1}}}
    monkeypatch.setenv("FSSPEC_S3", json.dumps(config))
    monkeypatch.setenv("CYTOIMAGENET_PATIENCE", "8")
    hung: list[str] = []
    dead = threading.Event()  # from the first result on

    def fail(method: str, path: str) -> str:
        if method == "PUT" and "/standardized/" in path:
            dead.set()
        first = method == "GET" and path.endswith(".jpg") and len(hung) < 3
        if not first and not dead.is_set():
            return ""
        hung.append(path)
        return "hang"

    server.faults.fail = fail
    process = start(sources, url, 1)
    _, said = process.communicate(timeout=800)
    server.faults.fail = lambda method, path: ""
    server.faults.stop.set()
    assert process.returncode == 1
    assert "Traceback" not in said
    assert dead.is_set(), "no answer for a while is no reason to end"
    assert len(hung) > 3
    last = said.splitlines()[-1]
    assert last.startswith("Error: s3://bucket-")
    assert "run the same command again" in last
    monkeypatch.delenv("FSSPEC_S3")  # two seconds are less than a sound server on a busy machine may take
    monkeypatch.delenv("CYTOIMAGENET_PATIENCE")
    in_this_process(*arguments(sources, url, 0))
    assert content(url) == wanted
    assert re.search(r"(?m)^standardize: (\d+) of \1 done", in_this_process("status", f"{url}/work").stdout)
    plan = in_this_process(*arguments(sources, url, 0), "--plan")
    assert "40 of them standardized" in plan.stdout
    assert f"{SOURCE}: 40 images (as before)" in plan.stderr
