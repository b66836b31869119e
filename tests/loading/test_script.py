"""``cytoimagenet.py`` as one file: what ``datasets`` 3 needs to run it as a loading script."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import datasets
import pytest

import cytoimagenet

SCRIPT = Path(cytoimagenet.__file__)
NEEDED = {"datasets", "fsspec", "numpy", "pyarrow"}


def test_it_imports_only_what_every_reader_has() -> None:
    """The scanner of datasets 3 takes each line that starts with import or from, one module a line."""
    lines = SCRIPT.read_text("utf-8").splitlines()
    found = {m[1] for line in lines if (m := re.match(r"(?:import|from)\s+([A-Za-z0-9_]+)", line))}
    assert found - set(sys.stdlib_module_names) <= NEEDED
    assert not [line for line in lines if re.match(r"import .*,", line)]


@pytest.mark.skipif(datasets.__version__ >= "4", reason="datasets 4 and later run no loading scripts")
@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_3_runs_it_as_a_script(package: Path, tmp_path: Path, streaming: bool) -> None:
    loaded = datasets.load_dataset(
        str(SCRIPT),
        "organism",
        data_dir=str(package),
        labels=["human"],
        streaming=streaming,
        trust_remote_code=True,
        cache_dir=str(tmp_path),
    )
    assert list(loaded) == ["train", "validation"]
    rows = list(loaded["train"])
    assert len(rows) == 24
    assert {row["label"] for row in rows} == {0}
    assert loaded["train"].features["label"].names == ["human"]
