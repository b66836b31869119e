"""Fails a run that skips tests for unlisted reasons.

A pytest plugin, at work with ``--only-known-skips``: what a check skips it does not check, so that a missing library
must not turn tests off unseen.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

import pytest

KNOWN: Final = (
    r"CYTOIMAGENET_REAL_DATA names no folder with real microscopy files",  # they may not be in the repository
    r"no real table of this source at hand",  # likewise, source by source
    r"no single top folder that could be stripped",  # nothing to check in the layout of this source
    r"no Chromium is installed",  # .ci/run installs it where it may; the report is then tried nowhere
    r"pngcheck is not installed",  # .ci/run installs it where it may; libpng reads the same files
    r"this file system refuses names that are not UTF-8",
    r"(torchvision|timm) is not installed",  # torchvision's wheels are built for one build of PyTorch each
    r"zarr-python 3 needs Python 3\.11",
    r"slideio has no wheels for Linux on ARM",
    r"mounting a small disk needs Linux and root",
    r"this system does not let its root mount a tmpfs",
)
"""The reasons, as regular expressions of the whole reason, for which `.ci/run` may skip a test."""

_Skip = pytest.TestReport | pytest.CollectReport


def reason_of(report: _Skip) -> str:
    """Return why a skipped test or module was skipped."""
    where = report.longrepr
    said = where[2] if isinstance(where, tuple) else str(where)
    return said.removeprefix("Skipped: ")


class UnknownSkips:
    """Collects unlisted reasons; any makes the run fail."""

    def __init__(self, known: tuple[str, ...] = KNOWN) -> None:
        self.known = known
        self.found: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: _Skip) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        reason = reason_of(report)
        if not any(re.fullmatch(pattern, reason) for pattern in self.known):
            self.found[f"{report.nodeid}: {reason}"] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.found and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.found:
            terminalreporter.section("skipped for a reason that is not listed in tests/skips.py", red=True)
            for line in sorted(self.found):
                terminalreporter.write_line(line)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only-known-skips", action="store_true", help="fail where a test is skipped for another reason")


def pytest_configure(config: pytest.Config) -> None:
    # Where tests run in several processes, the one that gathers their reports judges.
    if config.getoption("--only-known-skips") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(UnknownSkips(), "unknown-skips")
