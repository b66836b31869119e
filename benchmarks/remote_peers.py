"""Other formats and their own readers: WebDataset, Lance, MDS.

For ``benchmarks/remote.py``.

Each keeps the same images with a label. Lance and MDS read object stores and no plain HTTP: the server speaks enough of
S3 for them. MDS downloads whole shards to a folder; the others hand out what arrives.
"""

from __future__ import annotations

import importlib
import io
import os
import tarfile
import tempfile
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

Counts = Iterator[int]

_SECRETS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}


def write_webdataset(folder: Path, images: Sequence[bytes]) -> None:
    folder.mkdir()
    for shard in range(4):
        with tarfile.open(folder / f"train-{shard}.tar", "w") as tar:
            for number in range(shard, len(images), 4):
                info = tarfile.TarInfo(f"{number:08d}.png")
                info.size = len(images[number])
                tar.addfile(info, io.BytesIO(images[number]))


def read_webdataset(url: str) -> Counts:
    """WebDataset, over its own reader: curl in a pipe."""
    wds = importlib.import_module("webdataset")
    urls = [f"pipe:curl -s -f {url}/{path.name}" for path in sorted(Path(os.environ["PACKAGE"]).glob("*.tar"))]
    yield from (1 for _ in wds.WebDataset(urls, shardshuffle=False))


def write_lance(folder: Path, images: Sequence[bytes]) -> None:
    table = pa.table({"image": pa.array(images, pa.large_binary()), "label": pa.array([0] * len(images), pa.int64())})
    importlib.import_module("lance").write_dataset(table, str(folder / "rows.lance"))


def read_lance(url: str) -> Counts:
    """Lance, scanned in batches of 64 rows."""
    parts = urllib.parse.urlsplit(url)
    options = {"aws_endpoint": f"http://{parts.netloc}", "allow_http": "true", **_SECRETS}
    data = importlib.import_module("lance").dataset(f"s3:/{parts.path}/rows.lance", storage_options=options)
    for batch in data.scanner(batch_size=64).to_batches():
        yield len(batch["image"].to_pylist())


def write_mds(folder: Path, images: Sequence[bytes]) -> None:
    module = importlib.import_module("streaming")
    with module.MDSWriter(out=str(folder), columns={"image": "bytes", "label": "int"}) as sink:
        for image in images:
            sink.write({"image": image, "label": 0})


def read_mds(url: str) -> Counts:
    """MosaicML's Streaming, whose shards of 64 MB are downloaded ahead."""
    parts = urllib.parse.urlsplit(url)
    os.environ.update(_SECRETS, S3_ENDPOINT_URL=f"http://{parts.netloc}")
    module = importlib.import_module("streaming")
    with tempfile.TemporaryDirectory() as local:
        data = module.StreamingDataset(remote=f"s3:/{parts.path}", local=local, shuffle=False, batch_size=64)
        yield from (1 for _ in data)
