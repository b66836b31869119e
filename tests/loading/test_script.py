"""``cytoimagenet.py`` as one file, without the reader.

What ``datasets`` 3 needs to run it alone, and the rows that it then gives.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import builder
import cytoimagenet
from cytoimagenet_reader.png.encoder import encode
from tests.loading import alone
from tests.loading.made_package import make_package
from tests.loading.script_alone import SCRIPT, read_all
from tests.loading.server import Faults, serving

pytestmark = pytest.mark.slow


def test_it_imports_only_what_every_reader_has() -> None:
    """The import scanner of `datasets` 3 looks at raw lines.

    Each line that begins with import or from counts, even in a text.
    """
    lines = SCRIPT.read_text("utf-8").splitlines()
    found = {m[1] for line in lines if (m := re.match(r"(?:import|from)\s+([A-Za-z0-9_]+)", line))}
    assert found - set(sys.stdlib_module_names) == {"datasets", "fsspec", "pyarrow"}
    assert not [line for line in lines if re.match(r"import .*,", line)]


def test_it_has_one_version_alone_and_with_the_reader() -> None:
    (found,) = re.findall(r'^    __version__ = "(.*)"', SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert found == cytoimagenet.__version__ == builder.__version__


def rows_alone(package: str, folder: Path, cache: Path) -> dict[str, Any]:
    """Return what the script gives in a separate process.

    It has nothing else of the project.
    """
    (folder / "script").mkdir(parents=True)
    script = Path(shutil.copy(SCRIPT, folder / "script" / "cytoimagenet.py"))
    command = [sys.executable, alone.__file__, script, package, cache, folder / "out.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return found


def rows_by_the_reader(package: str, cache: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        json.dumps(alone.found(alone.by_class(cytoimagenet, package, str(cache)), package))
    )
    return found


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert list(found) == list(wanted)
    for way in wanted:
        if way.startswith("mistake"):
            assert wanted[way].startswith(found[way]), way  # the reader suggests what was meant, besides
        else:
            assert found[way] == wanted[way], way


@pytest.fixture(scope="module")
def wanted(package: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the reader gives."""
    found = rows_by_the_reader(str(package), tmp_path_factory.mktemp("cache"))
    assert len(found) == 2 * (len(alone.WAYS) + len(alone.PREPARED)) + len(alone.MISTAKES)
    return found


def test_the_rows_are_those_of_the_reader(package: Path, tmp_path: Path, wanted: dict[str, Any]) -> None:
    same(rows_alone(str(package), tmp_path / "alone", tmp_path / "cache"), wanted)
    same(rows_by_the_reader(str(package), tmp_path / "cache"), wanted)  # finds prepared what the script prepared


def test_a_remote_package_that_fails_now_and_then_gives_every_row(
    package: Path, tmp_path: Path, wanted: dict[str, Any]
) -> None:  # fmt: skip
    pytest.importorskip("aiohttp")
    with serving(package, Faults(every=9, busy=10, dropped=10)) as url:
        found = rows_alone(url, tmp_path / "alone", tmp_path / "another cache")
    same(found, wanted)


def test_a_package_rebuilt_in_place_gives_the_rows_of_the_new_build(
    script: Any, package: Path, tmp_path: Path
) -> None:  # fmt: skip
    """Streamed, prepared, and prepared again from the cache.

    By the script alone; both builds are then in the cache.
    """
    later = make_package(tmp_path / "later", classes={"organism": ("human", "yeast")}, encode=encode, seed=1)
    place = tmp_path / "cytoimagenet"
    for folder in (package, later, package):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place)
        stored = cytoimagenet.open(folder, "organism", columns=["label", "idx", "path"])
        builder = script.CytoImageNet(
            "organism", data_dir=place, cache_dir=str(tmp_path / "cache"), columns=["label", "idx", "path"]
        )
        streamed = builder.as_streaming_dataset(split="train")
        builder.download_and_prepare()
        prepared = builder.as_dataset("train")
        for found in (streamed, prepared):
            assert found.features["label"] == stored.features["label"]
            assert sorted(found, key=str) == sorted(stored, key=str)


def test_a_package_in_parquet_is_for_the_reader(script: Any, parquet_package: Path) -> None:
    with pytest.raises(script.PackageError, match="parquet shards, which the reader reads: pip install cytoimagenet"):
        read_all(script, parquet_package)
