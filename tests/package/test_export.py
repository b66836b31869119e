"""``export``: the format's own reader gives every example and class."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
from click.testing import CliRunner

import cytoimagenet
from builder.cli import main
from tests.loading.made_package import make_package


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("made") / "cytoimagenet", side=6)


@pytest.fixture(scope="module", autouse=True)
def streaming_imports_without_torchvision() -> Iterator[None]:
    """Let MosaicML's library import where torchvision is missing.

    What only its own data sets of images need is left out.
    """
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec("torchvision") is None:
            patch.setitem(sys.modules, "streaming.vision", types.ModuleType("streaming.vision"))
        yield


Found = Counter[tuple[bytes, int, str]]


def wanted(package: Path, split: str, config: str = "full", **filters: Any) -> Found:
    rows = cytoimagenet.open(package, config, split=split, **filters)
    rows = rows.cast_column("image", datasets.Image(decode=False))
    return Counter((row["image"]["bytes"], row["label"], row["idx"]) for row in rows)


def imagefolder(folder: Path) -> Found:
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text("utf-8").splitlines()]
    files = set(folder.rglob("*.png"))
    assert files == {folder / line["file_name"] for line in lines}
    return Counter(((folder / line["file_name"]).read_bytes(), line["label"], line["idx"]) for line in lines)


def webdataset(folder: Path) -> Found:
    found = pytest.importorskip("webdataset", reason="webdataset is not installed")
    tars = sorted(str(path) for path in folder.glob("*.tar"))
    samples = found.WebDataset(tars, shardshuffle=False)
    return Counter((s["png"], int(s["cls"]), json.loads(s["json"])["idx"]) for s in samples)


def mds(folder: Path) -> Found:
    streaming = pytest.importorskip("streaming", reason="streaming is not installed")
    rows = streaming.StreamingDataset(local=str(folder), batch_size=1, validate_hash="sha1")
    return Counter((row["image"], row["label"], row["metadata"]["idx"]) for row in rows)


def litdata(folder: Path) -> Found:
    found = pytest.importorskip("litdata", reason="litdata is not installed")
    rows = found.StreamingDataset(str(folder))
    return Counter((row["image"], row["label"], json.loads(row["metadata"])["idx"]) for row in rows)


READERS: dict[str, tuple[str, Callable[[Path], Found]]] = {
    "imagefolder": ("json", imagefolder),
    "webdataset": ("webdataset", webdataset),
    "mds": ("streaming", mds),
    "litdata": ("litdata", litdata),
}

FILTERS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("full", {}, []),
    ("compound", {"crops": True}, ["--config", "compound", "--crops"]),
    ("full", {"labels": ["human", "taxol"], "commercial_use": True},
     ["--labels", "human", "--labels", "taxol", "--commercial-use"]),
    ("organism", {"crops": False, "sources": ["bbbc005"]},
     ["--config", "organism", "--no-crops", "--sources", "bbbc005"]),
]  # fmt: skip


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(("config", "filters", "options"), FILTERS)
def test_every_example_is_there(
    package: Path, tmp_path: Path, kind: str, config: str, filters: dict[str, Any], options: list[str]
) -> None:
    library, read = READERS[kind]
    pytest.importorskip(library, reason=f"{library} is not installed")
    done = run(package, "--to", kind, "-o", tmp_path / "out", *options)
    assert done.exit_code == 0, done.output
    for split in ("train", "validation"):
        assert read(tmp_path / "out" / split) == wanted(package, split, config, **filters)
    names = cytoimagenet.open(package, config, **filters).features["label"].names
    assert json.loads((tmp_path / "out" / "classes.json").read_text()) == names


def test_what_cannot_be_exported(package: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    shard = package / "data/organism/train-00000-of-00003.arrow"
    cases: list[tuple[list[object], str]] = [
        ([package, "--to", "imagefolder", "-o", tmp_path / "there"], "is already there"),
        ([package, "--to", "parquet", "-o", tmp_path / "p", "--crops"], "leave out --config and filters"),
        ([package, "--to", "imagefolder", "-o", tmp_path / "x", "--labels", "humn"], "did you mean 'human'"),
    ]
    for arguments, said in cases:
        done = run(*arguments)
        assert done.exit_code == 1
        assert said in str(done.exception) + done.output
    content = bytearray(shard.read_bytes())
    content[-200] ^= 1
    damaged = make_package(tmp_path / "damaged", side=6)
    (damaged / shard.relative_to(package)).write_bytes(bytes(content))
    done = run(damaged, "--to", "imagefolder", "-o", tmp_path / "x")
    assert "its sha256 is not the manifest's" in str(done.exception) + done.output
    assert not (tmp_path / "x").exists()
    assert not list((tmp_path / "there").iterdir())
