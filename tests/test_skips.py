from __future__ import annotations

import pytest

CONFTEST = 'pytest_plugins = ["tests.skips"]'
PASSES = "def test_passes():\n    assert True\n"
KNOWN = f"import pytest\n\n{PASSES}\n\ndef test_known():\n    pytest.skip('no Chromium is installed')\n"
UNKNOWN = f"import pytest\n\n{PASSES}\n\ndef test_unknown():\n    pytest.importorskip('no_such_module')\n"
MODULE = f"import pytest\n\npytest.importorskip('no_such_module')\n\n{PASSES}"
MARK = "@pytest.mark.skipif(True, reason='no Chromium is installed today')"
MARKED = f"import pytest\n\n{PASSES}\n\n{MARK}\ndef test_it(): ...\n"
EXPECTED_TO_FAIL = (
    f"import pytest\n\n{PASSES}\n\n@pytest.mark.xfail(reason='a bug')\ndef test_it():\n    assert False\n"
)


@pytest.fixture(autouse=True)
def _no_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, *options: str, **files: str) -> pytest.RunResult:
    """Run test files in processes of their own.

    They need none of the installed plugins.
    """
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(**files)
    return pytester.runpytest_subprocess(*options)


@pytest.mark.parametrize(
    ("text", "code"), [(PASSES, 0), (KNOWN, 0), (EXPECTED_TO_FAIL, 0), (UNKNOWN, 1), (MODULE, 1), (MARKED, 1)]
)
def test_a_run_fails_where_the_reason_is_not_listed(pytester: pytest.Pytester, text: str, code: int) -> None:
    done = run(pytester, "--only-known-skips", test_other=PASSES, test_it=text)
    assert done.ret == code
    said = "*skipped for a reason that is not listed*"
    done.stdout.fnmatch_lines([said]) if code else done.stdout.no_fnmatch_line(said)


def test_so_does_a_run_in_several_processes(pytester: pytest.Pytester) -> None:
    options = ("--only-known-skips", "-p", "xdist", "-n", "2")
    done = run(pytester, *options, test_it=UNKNOWN, test_module=MODULE, test_known=KNOWN)
    assert done.ret == 1
    done.stdout.fnmatch_lines(["test_it.py::test_unknown: could not import*", "test_module.py: could not import*"])


def test_without_the_option_any_test_may_be_skipped(pytester: pytest.Pytester) -> None:
    assert run(pytester, test_it=UNKNOWN).ret == 0


def test_a_failure_stays_a_failure(pytester: pytest.Pytester) -> None:
    done = run(pytester, "--only-known-skips", test_it=UNKNOWN, test_bad="import nothing_such\n")
    assert done.ret == pytest.ExitCode.INTERRUPTED
