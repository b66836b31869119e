"""A cache never gives another package's data.

Nor what lay at the same place before.
"""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import datasets
import pytest

import cytoimagenet
from cytoimagenet import CytoImageNet
from cytoimagenet_reader.png.encoder import encode
from tests.loading import alone
from tests.loading.made_package import make_package
from tests.loading.server import Faults, serving

OTHER = {"organism": ("human", "yeast"), "gene": ("a targeted",)}


@pytest.fixture(scope="session")
def other_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another package, with other classes; not to be changed."""
    return make_package(tmp_path_factory.mktemp("other") / "cytoimagenet", classes=OTHER, encode=encode, seed=1)


def read(place: str | Path, cache: Path, way: str, **options: Any) -> list[str]:
    """Return the class names and row names that are loaded.

    By the class ``CytoImageNet``.
    """
    builder = CytoImageNet(data_dir=place, cache_dir=str(cache), columns=["label", "idx", "path"], **options)
    if way == "stream":
        dataset = builder.as_streaming_dataset(split="train")
    else:
        builder.download_and_prepare(download_mode=way if way != "prepare" else None)
        dataset = builder.as_dataset("train")
    names = dataset.features["label"].names
    return [*names, *sorted(f"{row['idx']} {row['path']} {names[row['label']]}" for row in dataset)]


def wanted(place: Path) -> list[str]:
    """Return the same from the files alone."""
    rows = cytoimagenet.open(place, columns=["label", "idx", "path"])
    names = rows.features["label"].names
    return [*names, *sorted(f"{row['idx']} {row['path']} {names[row['label']]}" for row in rows)]


WAYS = ["prepare", "stream", "force_redownload"]


@pytest.mark.parametrize("way", WAYS)
def test_two_packages_of_one_name_in_two_folders(
    package: Path, other_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    for folder in (package, other_package):
        monkeypatch.chdir(folder.parent)
        read("cytoimagenet", tmp_path, "prepare")
        assert read("cytoimagenet", tmp_path, way) == wanted(folder)


@pytest.mark.parametrize("way", WAYS)
def test_a_package_rebuilt_in_place(package: Path, other_package: Path, tmp_path: Path, way: str) -> None:
    place = tmp_path / "place"
    for folder in (package, other_package):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place)
        read(place, tmp_path / "cache", "prepare")
        assert read(place, tmp_path / "cache", way) == wanted(folder)


@pytest.mark.parametrize("way", WAYS)
def test_a_package_rebuilt_at_its_url(package: Path, other_package: Path, tmp_path: Path, way: str) -> None:
    pytest.importorskip("aiohttp")
    place = tmp_path / "place"
    place.mkdir()
    with serving(place, Faults()) as url:
        for folder in (package, other_package):
            shutil.rmtree(place)
            shutil.copytree(folder, place)
            read(url, tmp_path / "cache", "prepare")
            assert read(url, tmp_path / "cache", way) == wanted(folder)


def test_a_downloaded_copy_that_is_damaged_is_fetched_again(package: Path, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    with serving(package, Faults()) as url:
        read(url, tmp_path, "prepare")
        kept = [path for path in (tmp_path / "downloads").iterdir() if path.suffix == ""]
        assert kept
        for path in kept:
            path.write_bytes(path.read_bytes()[:-100])
        shutil.rmtree(tmp_path / "cytoimagenet")
        assert read(url, tmp_path, "prepare") == wanted(package)


def test_a_package_that_was_moved_is_not_prepared_twice(package: Path, tmp_path: Path) -> None:
    places = [package, Path(shutil.copytree(package, tmp_path / "moved"))]
    folders = {CytoImageNet("organism", data_dir=place, cache_dir=str(tmp_path)).cache_dir for place in places}
    assert len(folders) == 1


def test_every_argument_has_a_cache_of_its_own(package: Path, tmp_path: Path) -> None:
    asked = [(config, tuple(sorted(given.items(), key=str))) for config, given in alone.WAYS]
    folders = {
        CytoImageNet(config, data_dir=package, cache_dir=str(tmp_path), **given).cache_dir
        for config, given in alone.WAYS
    }
    assert len(folders) == len(set(map(str, asked)))


def test_the_configs_of_the_class_stay_as_they_are(package: Path, tmp_path: Path) -> None:
    before = repr(CytoImageNet.BUILDER_CONFIGS)
    CytoImageNet("organism", data_dir=package, cache_dir=str(tmp_path))
    assert repr(CytoImageNet.BUILDER_CONFIGS) == before


def test_results_of_map_are_those_of_the_content(
    package: Path, other_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``map`` finds its results by a fingerprint of the data.

    Two builds may differ in their class lists alone.
    """
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    renamed = shutil.copytree(package, tmp_path / "renamed")
    index = json.loads((renamed / "classes.json").read_text())
    index["organism"]["names"].reverse()
    (renamed / "classes.json").write_text(json.dumps(index))
    for folder in (package, other_package, renamed, package):
        place = tmp_path / "cytoimagenet"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place)
        opened = cytoimagenet.open(place, "organism", columns=["label", "organism"])
        names = opened.features["label"].names
        mapped = opened.map(lambda row, names=names: {"name": names[row["label"]]}, new_fingerprint=None)
        assert mapped["name"][:] == [names[label] for label in opened["label"]]


def test_the_pickle_of_an_opened_package_does_not_grow_with_its_batches(tmp_path: Path) -> None:
    """Workers that are spawned get one each."""
    sizes = []
    for batch_rows in (1000, 1):
        many = make_package(
            tmp_path / str(batch_rows), classes={"organism": ("human",)}, per_class={"train": 1000, "validation": 1},
            batch_rows=batch_rows, side=1, encode=lambda _: b"",
        )  # fmt: skip
        sizes.append(len(pickle.dumps(cytoimagenet.open(many))))
    assert sizes[1] < sizes[0] + 100


def test_a_pickled_package_is_whole_and_never_another_build(package: Path, other_package: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(package, tmp_path / "place"))
    opened = cytoimagenet.Package(str(place))
    state = pickle.dumps(opened)
    again = pickle.loads(state)
    assert again.shards == opened.shards != []
    assert again.classes == opened.classes != {}
    shutil.rmtree(place)
    shutil.copytree(other_package, place)
    with pytest.raises(cytoimagenet.PackageError, match="rebuilt since it was opened: open it again"):
        _ = pickle.loads(state).shards
