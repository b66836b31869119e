"""Packages in a bucket and on a hub, on loopback.

In spite of faults the rows are those of the local package, or there is one error.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from datasets import Image
from huggingface_hub import HfApi

import cytoimagenet
from cytoimagenet import CytoImageNet, PackageError, ShardError
from cytoimagenet_reader.png.encoder import encode
from cytoimagenet_reader.remote import retrying
from cytoimagenet_reader.retry import Limits
from tests.hub.conftest import hub  # noqa: F401 -- a fixture
from tests.hub.faults import Faults
from tests.hub.server import Hub
from tests.hub.test_clients import run
from tests.loading.made_package import make_package

pytestmark = pytest.mark.slow

REPO = "someone/cytoimagenet"
SHARD = "data/organism/train-00001-of-00003.arrow"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "LIMITS", Limits(attempts=6, first_wait=0.01))


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    from tests.engine.s3 import running_server

    with running_server() as server:
        yield server


@pytest.fixture
def bucket(s3: Any, package: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Put the package into a new bucket; give its URL.

    And its storage options. The server is well again afterwards.
    """
    name = s3.bucket()
    files = fsspec.filesystem("s3", **s3.options())
    files.put(f"{package}/", f"{name}/lab/cytoimagenet/", recursive=True)
    yield f"s3://{name}/lab/cytoimagenet", s3.options()
    s3.faults.fail = lambda method, path: ""


@pytest.fixture
def repository(hub: Hub, package: Path) -> tuple[str, dict[str, Any]]:  # noqa: F811 -- the fixture above
    """The package as (URL, storage options) in a private repository."""
    api = HfApi(endpoint=hub.url, token="hf_writer")
    api.create_repo(REPO, repo_type="dataset", private=True)
    api.upload_folder(repo_id=REPO, folder_path=package, repo_type="dataset")
    return f"hf://datasets/{REPO}", {"endpoint": hub.url, "token": "hf_reader"}


Place = tuple[str | Path, dict[str, Any]]


def streamed(place: Place, cache: Path, config: str = "full", **conditions: Any) -> list[tuple[str, str, int]]:
    url, options = place
    builder = CytoImageNet(
        config,
        data_dir=url,
        storage_options={str(url).partition("://")[0]: options},
        token=options.get("token"),  # datasets puts its own over that of the options
        cache_dir=str(cache),
        columns=["label", "path", "filename"],
        **conditions,
    )
    return [(row["path"], row["filename"], row["label"]) for row in builder.as_streaming_dataset(split="train")]


def loaded(place: Place) -> list[Any]:
    loader = cytoimagenet.loader(place[0], batch_size=32, size=16, buffer=50, storage_options=place[1])
    return [(images.numpy().tobytes(), labels.tolist()) for images, labels in loader]


def check(place: Place, package: Path, cache: Path) -> None:
    """Assert that a place gives what the local package gives.

    In every way that reads a remote one.
    """
    here: Place = (package, {})
    assert streamed(place, cache) == streamed(here, cache)
    assert streamed(place, cache, labels=["taxol"], crops=True) == streamed(here, cache, labels=["taxol"], crops=True)
    pytest.importorskip("torch")
    assert loaded(place) == loaded(here)


def test_a_package_in_a_bucket(bucket: Place, package: Path, tmp_path: Path) -> None:
    check(bucket, package, tmp_path)
    builder = CytoImageNet("organism", data_dir=bucket[0], storage_options={"s3": bucket[1]}, cache_dir=str(tmp_path))
    builder.download_and_prepare()
    assert builder.as_dataset("train")["filename"][:] == cytoimagenet.open(package, "organism")["filename"][:]


def test_a_package_on_a_hub(repository: Place, package: Path, tmp_path: Path) -> None:
    check(repository, package, tmp_path)


COPY = """
import json, sys
sys.path.insert(0, sys.argv[1])
from datasets import Image, disable_progress_bars
from huggingface_hub import HfApi
from cytoimagenet import CytoImageNet
disable_progress_bars()
found = []
for pushed in (None, sys.argv[2]):
    if pushed:
        HfApi(token="hf_writer").upload_folder(repo_id="someone/cytoimagenet", folder_path=pushed, repo_type="dataset")
    builder = CytoImageNet("organism", data_dir="hf://datasets/someone/cytoimagenet", token="hf_reader")
    streamed = builder.as_streaming_dataset(split="train")
    builder.download_and_prepare()
    for rows in (streamed, builder.as_dataset("train")):
        rows = rows.cast_column("image", Image(decode=False))
        found.append([[row["filename"], row["label"], row["image"]["bytes"].hex()] for row in rows])
json.dump(found, sys.stdout)
"""


def test_a_copy_of_a_package_on_the_hub_that_hf_endpoint_names_is_of_the_build_pushed_last(
    hub: Hub, repository: Place, package: Path, other: Path, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    found = json.loads(run(hub, tmp_path, COPY, str(Path(cytoimagenet.__file__).parent), str(other)))
    stored = []
    for folder in (package, other):
        rows = cytoimagenet.open(folder, "organism").cast_column("image", Image(decode=False))
        stored.append([[row["filename"], row["label"], row["image"]["bytes"].hex()] for row in rows])
    assert stored[0] != stored[1]
    assert [sorted(rows) for rows in found] == [sorted(rows) for rows in (stored[0], stored[0], stored[1], stored[1])]
    assert found[1::2] == stored  # what is prepared has the order of open


def test_a_bucket_that_fails_now_and_then_gives_every_row_once(
    s3: Any, bucket: Place, package: Path, tmp_path: Path
) -> None:
    turns = Counter[str]()

    def fail(method: str, path: str) -> str:
        turns[path] += 1
        return ("503", "cut", "")[turns[path] % 3] if "data/" in path else ""

    s3.faults.fail = fail
    before = s3.faults.failed
    assert streamed(bucket, tmp_path) == streamed((package, {}), tmp_path)
    assert s3.faults.failed - before >= 9  # of nine shards each


def test_the_version_of_a_range_costs_no_request(s3: Any, bucket: Place, tmp_path: Path) -> None:
    asked = Counter[tuple[str, str]]()

    def fail(method: str, path: str) -> str:
        asked[method, path.rpartition("cytoimagenet/")[2]] += 1
        return ""

    s3.faults.fail = fail
    assert streamed(bucket, tmp_path, "organism")
    ranges = {path: count for (method, path), count in asked.items() if method == "GET" and path.startswith("data/")}
    heads = {path: count for (method, path), count in asked.items() if method == "HEAD" and path.startswith("data/")}
    assert len(ranges) == 3
    assert sum(heads.values()) <= len(ranges), (ranges, heads)  # one of each shard, when it is opened


def test_a_hub_that_fails_now_and_then_gives_every_row_once(
    hub: Hub, repository: Place, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setattr(retrying, "LIMITS", Limits(attempts=15, first_wait=0.01))
    hub.faults = Faults(share=0.3, seed=3)
    assert streamed(repository, tmp_path, "organism") == streamed((package, {}), tmp_path, "organism")
    assert any(line.endswith((" 429", " 503")) for line in hub.log)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a later build with equal file and class names."""
    return make_package(tmp_path_factory.mktemp("later") / "cytoimagenet", encode=encode, seed=1)


def stream(place: Place) -> Any:
    options = {str(place[0]).partition("://")[0]: place[1]}
    builder = CytoImageNet(
        "organism", data_dir=place[0], storage_options=options, token=place[1].get("token"), columns=["image", "idx"]
    )
    return builder.as_streaming_dataset(split="train").cast_column("image", Image(decode=False))


def test_a_bucket_rebuilt_while_it_is_read(bucket: Place, package: Path, other: Path) -> None:
    before = stream(bucket)
    assert list(before) == list(stream((package, {})))
    fsspec.filesystem("s3", **bucket[1]).put(f"{other}/", f"{bucket[0]}/".removeprefix("s3://"), recursive=True)
    with pytest.raises(PackageError, match="rebuilt since it was opened: open it again"):
        list(before)
    assert list(stream(bucket)) == list(stream((other, {})))


def test_a_push_to_the_hub_changes_nothing_for_who_reads(
    hub: Hub, repository: Place, package: Path, other: Path  # noqa: F811
) -> None:  # fmt: skip
    before = stream(repository)
    api = HfApi(endpoint=hub.url, token="hf_writer")
    api.upload_folder(repo_id=REPO, folder_path=other, repo_type="dataset")
    assert list(before) == list(stream((package, {})))
    assert list(stream(repository)) == list(stream((other, {})))


def test_a_shard_that_stays_out_of_reach_is_named(s3: Any, bucket: Place, tmp_path: Path) -> None:
    s3.faults.fail = lambda method, path: "403" if path.endswith(SHARD) else ""
    with pytest.raises((ShardError, PermissionError), match="organism"):
        streamed(bucket, tmp_path, "organism")


def test_open_says_what_a_remote_package_needs(bucket: Place) -> None:
    with pytest.raises(PackageError, match="is not on this machine, and open memory-maps files; stream CytoImageNet"):
        cytoimagenet.open(bucket[0])
