"""What a package's format costs a stream.

Measures bytes and requests over HTTP, and speed from the disk.

    python -m benchmarks.package_format [--examples 1000] [--side 300] [--rounds 3]

The same examples with the package's 25 other columns are written as Arrow streams with batches of several sizes, as
Arrow with the texts dictionary-encoded, and as Parquet as the builder writes it. A server on loopback counts what is
asked for. ``ours`` is the class ``CytoImageNet``, ``datasets`` is ``load_dataset(kind, data_files=…, streaming=True)``.

all       every row, examples undecoded
first     the first row, and what was read ahead by then
labels    the column ``label`` of every row; of Arrow over HTTP that is the whole file, or the config ``metadata``
disk      rows per second from a local folder, median of the rounds
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import cytoimagenet
from benchmarks.loading import field
from builder.schema import METADATA
from cytoimagenet_reader.png.encoder import encode
from tests.loading.made_package import make_package
from tests.loading.server import Faults, serving

UNDECODED = datasets.Image(decode=False)
CLASSES = {"organism": tuple(f"organism {i:02d}" for i in range(20))}
TEXTS = [name for name in METADATA.names if pa.types.is_string(METADATA.field(name).type)]


class Variant(NamedTuple):
    """A way to write the shards.

    ``ours``: the builder could write it so, and the class ``CytoImageNet`` reads it.
    """

    name: str
    kind: str
    rows: int
    dictionary: bool = False

    @property
    def ours(self) -> bool:
        return not self.dictionary


VARIANTS = (
    *(Variant(f"arrow, batches of {rows}", "arrow", rows) for rows in (10, 25, 50, 100, 400)),
    Variant("arrow, batches of 100, dictionary", "arrow", 100, dictionary=True),
    *(Variant(f"parquet, row groups of {rows}", "parquet", rows) for rows in (25, 100)),
)


def write(folder: Path, variant: Variant, count: int, pool: Iterator[bytes]) -> Path:
    """Write a package of one training shard and return it."""
    package = make_package(
        folder,
        classes=CLASSES,
        per_class={"train": count // len(CLASSES["organism"]), "validation": 1},
        shards={"train": 1, "validation": 1},
        batch_rows=variant.rows,
        side=4,
        encode=lambda _: next(pool),
        file_format=variant.kind,
    )
    if variant.dictionary:
        path = package / shard(variant)
        table = pa.ipc.open_stream(path.read_bytes()).read_all()
        for name in TEXTS:
            table = table.set_column(table.column_names.index(name), name, table[name].dictionary_encode())
        with pa.ipc.new_stream(path, table.unify_dictionaries().schema) as writer:
            writer.write_table(table.unify_dictionaries(), max_chunksize=variant.rows)
    elif variant.kind == "parquet":
        path = package / shard(variant)
        pq.write_table(
            pq.read_table(path),
            path,
            row_group_size=variant.rows,
            compression="zstd",
            use_dictionary=[name for name in METADATA.names if name not in ("filename", "idx")],
            write_page_index=True,
            use_content_defined_chunking=True,
        )
        renew_facts(package, shard(variant))
    return package


def renew_facts(package: Path, path: str) -> None:
    """Update a shard's size and hash in the manifest."""
    manifest = json.loads((package / "manifest.json").read_text("utf-8"))
    data = (package / path).read_bytes()
    manifest["files"][path] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (package / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def shard(variant: Variant) -> str:
    return f"data/organism/train-00000-of-00001.{variant.kind}"


def ours(place: str, variant: Variant, columns: list[str] | None = None) -> Any:
    with tempfile.TemporaryDirectory() as cache:
        builder = cytoimagenet.CytoImageNet("organism", data_dir=place, columns=columns, cache_dir=cache)
        stream = builder.as_streaming_dataset(split="train")
    return stream.cast_column("image", UNDECODED) if columns is None else stream


def plain(place: str, variant: Variant, columns: list[str] | None = None) -> Any:
    files = [f"{place}/{shard(variant)}"]
    options = {"columns": columns} if columns and variant.kind == "parquet" else {}
    stream = datasets.load_dataset(variant.kind, data_files=files, split="train", streaming=True, **options)
    return stream.cast_column("image", UNDECODED) if columns is None else stream.select_columns(columns)


def metadata(place: str, variant: Variant) -> Any:
    files = [f"{place}/metadata/train.{variant.kind}"]
    return datasets.load_dataset(variant.kind, data_files=files, split="train", streaming=True)


def cost(server: Faults, run: Callable[[], Any]) -> tuple[float, int]:
    """Return the MB and requests that ``run`` costs."""
    server.requests.clear()
    run()
    time.sleep(0.3)  # what was asked ahead and not waited for counts as well
    return sum(sent for _, sent in server.requests) / 1e6, len(server.requests)


def every(stream: Any) -> int:
    return sum(1 for _ in stream)


def first(stream: Any) -> Any:
    rows = iter(stream)
    try:
        return next(rows)
    finally:
        del rows


def rate(stream: Any) -> float:
    start = time.perf_counter()
    count = every(stream)
    return count / (time.perf_counter() - start)


def report(variant: Variant, package: Path, rounds: int) -> None:
    server = Faults()
    cells = []
    with serving(package, server) as url:
        for name, reader in (("ours", ours), ("datasets", plain)):
            if name == "ours" and not variant.ours:
                continue
            stream, labels = reader(url, variant), reader(url, variant, ["label"])
            costs = [
                cost(server, partial(work, data)) for work, data in ((every, stream), (first, stream), (every, labels))
            ]
            local = reader(str(package), variant)
            disk = statistics.median(rate(local) for _ in range(rounds + 1))
            texts = "   ".join(f"{megabytes:7.1f} MB {requests:4d}" for megabytes, requests in costs)
            cells.append(f"  {variant.name:34s} {name:9s} {texts}   {disk:8,.0f}")
        megabytes, requests = cost(server, partial(every, metadata(url, variant)))
    size = (package / shard(variant)).stat().st_size / 1e6
    print("\n".join(cells))
    print(f"  {'':34s} file {size:.1f} MB; config metadata: {megabytes:.2f} MB, {requests} requests", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--side", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    datasets.disable_progress_bars()
    rng = np.random.default_rng(0)
    pool = [encode(field(arguments.side, rng)) for _ in range(60)]
    print(f"{platform.machine()}, Python {platform.python_version()}; datasets {datasets.__version__}", end=", ")
    print(f"pyarrow {pa.__version__}; {arguments.examples} examples of {statistics.mean(map(len, pool)) / 1000:.0f} kB")
    print(f"  {'':44s} {'all':>15s}   {'first':>15s}   {'labels':>15s}   disk, rows/s")
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            package = write(Path(folder) / "package", variant, arguments.examples, itertools.cycle(pool))
            report(variant, package, arguments.rounds)
            for path in package.rglob("*.*"):
                path.unlink()


if __name__ == "__main__":
    main()
