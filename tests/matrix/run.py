"""Run the loading tests under several versions of ``datasets``.

Each version has a fresh environment.

    python -m tests.matrix.run                     3.6.0, 4.0.0, 4.4.0 and the newest
    python -m tests.matrix.run 4.4.0 --keep ENVS   one of them, in an environment that is kept and used again

Needs pip and a package index. Exits with 1 if tests fail under any version. PyTorch is not installed: what needs it is
skipped here and runs in the ordinary tests.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("3.6.0", "4.0.0", "4.4.0", "newest")
TESTS = (
    "tests/loading/test_abandoned.py",
    "tests/loading/test_arguments.py",
    "tests/loading/test_cytoimagenet.py",
    "tests/loading/test_open.py",
    "tests/loading/test_order_and_ids.py",
    "tests/loading/test_parquet.py",
    "tests/loading/test_rebuilt.py",
    "tests/loading/test_refused.py",
    "tests/loading/test_script.py",
    "tests/loading/test_script_refuses.py",
    "tests/loading/test_stale.py",
    "tests/loading/test_stream_tables.py",
)
NEEDED = ("aiohttp", "hypothesis", "pytest", "pytest-timeout")


def environment(version: str, folder: Path) -> Path:
    """Return the Python of an environment with this ``datasets`` version.

    Makes it if it is not there.
    """
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
    wanted = "datasets" if version == "newest" else f"datasets=={version}"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-e", ROOT, wanted, *NEEDED], check=True)
    return python


def passes(python: Path) -> bool:
    """Do the tests of loading pass? Prints the versions."""
    said = "import datasets, pyarrow, sys; print('datasets', datasets.__version__, 'pyarrow', pyarrow.__version__)"
    subprocess.run([python, "-c", said], check=True)
    return subprocess.run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS], cwd=ROOT).returncode == 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", default=VERSIONS)
    parser.add_argument("--keep", type=Path, help="folder of the environments; a temporary one by default")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        failed = [version for version in options.versions if not passes(environment(version, folder / version))]
    print(f"tests fail under datasets {', '.join(failed)}" if failed else "tests pass under all versions")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
