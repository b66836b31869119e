"""A real Dask cluster for tests, on loopback.

Its scheduler and workers are processes of their own and speak TCP.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Cluster:
    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.folder = tempfile.TemporaryDirectory(prefix="dask-", ignore_cleanup_errors=True)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", str(self.port))

    def start(self, what: str, *arguments: str, root: Path = ROOT) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, "--no-dashboard"],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def add_worker(self, root: Path = ROOT, nanny: bool = False) -> None:
        """Start a worker that runs the code below ``root``.

        It runs alone or as a child of Dask's nanny, which takes longer.
        """
        arguments = ("--nthreads", "1", "--memory-limit", "0", "--local-directory", self.folder.name)
        self.workers.append(
            self.start("worker", self.address, *arguments, "--nanny" if nanny else "--no-nanny", root=root)
        )

    def kill_worker(self) -> None:
        """Kill the oldest worker, as when a machine is lost.

        Its nanny and children die with it.
        """
        worker = self.workers.pop(0)
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def wait_for_workers(self) -> None:
        import distributed

        began = time.monotonic()
        while True:
            try:
                with distributed.Client(self.address, timeout=30, set_as_default=False) as client:
                    client.wait_for_workers(len(self.workers), timeout=60)
                return
            except OSError:
                if time.monotonic() - began > 30:
                    raise

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.terminate()
        for process in (*self.workers, self.scheduler):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.folder.cleanup()


@contextlib.contextmanager
def running_cluster(workers: int) -> Iterator[Cluster]:
    made = Cluster()
    try:
        for number in range(workers):
            made.add_worker(nanny=number == 0)  # which starts it as a daemon, so that it may have no children
        if workers:
            made.wait_for_workers()
        yield made
    finally:
        made.close()
