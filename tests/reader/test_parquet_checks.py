"""Parquet from any source is read as pyarrow reads it.

Or it is refused before more memory is taken than its size justifies.
"""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cytoimagenet_reader.parquet_checks import open_parquet

pytestmark = pytest.mark.slow

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def table() -> pa.Table:
    rng = np.random.default_rng(0)
    images = [{"bytes": rng.bytes(int(rng.integers(1, 3000))), "path": f"{n}.png"} for n in range(250)]
    columns: dict[str, Any] = {
        "image": pa.array(images, IMAGE),
        "label": [f"class {n % 7}" for n in range(250)],
        "gene": [None if n % 3 else f"gene {n}" for n in range(250)],
        "crop": [n % 2 == 0 for n in range(250)],
        "scaling": [1 / (n + 1) for n in range(250)],
        "x_min": pa.array(range(250), pa.int32()),
    }
    return pa.table(columns)


def written(content: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(content, sink, **{"compression": "zstd", "row_group_size": 100, **options})
    return sink.getvalue()


def read(data: bytes, columns: list[str] | None = None) -> pa.Table:
    source = pa.BufferReader(data)
    with open_parquet(source) as file:
        return file.read(range(len(file.rows)), columns)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_dictionary": False},
        {"compression": "snappy"},
        {"compression": "none"},
        {"row_group_size": 7},
        {"data_page_size": 64},
        {"write_page_index": True, "use_content_defined_chunking": True},
        {"dictionary_pagesize_limit": 32},
    ],
    ids=str,
)
def test_what_pyarrow_writes_is_read_as_pyarrow_reads_it(options: dict[str, Any]) -> None:
    data = written(table(), **options)
    assert read(data).equals(table())
    assert read(data, ["label", "crop"]).equals(table().select(["label", "crop"]))


def test_no_thread_of_pyarrow_reads_a_python_file() -> None:
    """At exit, a thread that holds one aborts the process."""
    readers = set()

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            readers.add(threading.get_ident())
            return super().read(size)

    with open_parquet(pa.PythonFile(Watched(written(table())), "r")) as file:
        assert file.read(range(3), ["label", "gene"]).equals(table().select(["label", "gene"]))
        assert file.read(range(3)).equals(table())
    assert readers == {threading.get_ident()}


def test_a_table_without_rows_is_read() -> None:
    empty = table().slice(0, 0)
    assert read(written(empty)).equals(empty)
    assert read(written(empty, use_dictionary=False), ["label"]).equals(empty.select(["label"]))


def alike(text: str, rows: int) -> pa.Table:
    """Return rows of one label."""
    labels = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [text])
    return pa.table({"label": labels}).cast(pa.schema([("label", pa.string())]))


def one_image(size: int) -> pa.Table:
    return pa.table({"image": pa.array([{"bytes": bytes(size), "path": "x"}], IMAGE)})


BOMBS: dict[str, tuple[Callable[[], pa.Table], dict[str, Any]]] = {  # made when used: they take gigabytes
    "one value that inflates": (lambda: one_image(200_000_000), {"use_dictionary": False}),
    "one long text for many rows": (lambda: alike("x" * 500_000, 2000), {"row_group_size": 2000}),
    "twenty million short texts": (lambda: alike("x", 20_000_000), {"row_group_size": 20_000_000}),
    "many small row groups": (lambda: alike("x" * 500_000, 2000), {"row_group_size": 100}),
}


@pytest.fixture(scope="module", params=BOMBS)
def bomb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("bomb") / "bomb.parquet"
    make, options = BOMBS[request.param]
    path.write_bytes(written(make(), **options))
    return str(path)


def test_a_bomb_is_refused_within_its_size(bomb: str) -> None:
    """The process may take 400 MB besides its modules' memory."""
    code = f"""
        import resource
        import pyarrow as pa
        from cytoimagenet_reader.parquet_checks import open_parquet
        taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + 400_000_000, resource.RLIM_INFINITY))
        with pa.memory_map({bomb!r}) as source, open_parquet(source) as file:
            try:
                file.read(range(len(file.rows)))
            except ValueError as error:
                print(error)
    """
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert "expands to" in out.stdout, out.stderr


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another codec": ({"compression": "gzip"}, "a codec of no package"),
    "another encoding": ({"use_dictionary": False, "column_encoding": {"label": "DELTA_BYTE_ARRAY"}}, "of a kind"),
    "pages of the second kind": ({"data_page_version": "2.0"}, "of a kind"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_package_holds_is_refused_by_name(name: str) -> None:
    options, why = REFUSED[name]
    with pytest.raises(ValueError, match=why):
        read(written(table().select(["label"]), **options))


def test_a_file_of_another_writer_and_a_missing_column_are_refused() -> None:
    data = written(table())
    with pytest.raises(ValueError, match="another program"):
        read(data.replace(b"parquet-cpp-arrow", b"parquet-new-arrow"))
    with pytest.raises(ValueError, match="has no column nowhere"):
        read(data, ["nowhere"])


def test_a_thousand_damaged_files_are_read_or_refused() -> None:
    """Bytes change anywhere, mostly in page headers and the footer."""
    whole = written(table().drop_columns("image"), row_group_size=50)
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(1000):
        data = bytearray(whole)
        for at in rng.integers(4, len(data) - 8, int(rng.integers(1, 6))):
            data[at] = rng.integers(256)
        try:
            found = read(bytes(data))
        except (ValueError, OSError, pa.ArrowException):
            refused += 1
        else:
            assert found.nbytes < 100 * len(data) + (1 << 26)
    assert refused > 500


def test_ranges_are_those_of_the_columns() -> None:
    data = written(table())
    with open_parquet(pa.BufferReader(data)) as file:
        everything = file.byte_ranges([0, 1, 2], table().column_names)
        labels = file.byte_ranges([1], ["label"])
    facts = pq.ParquetFile(pa.BufferReader(data)).metadata.row_group(1).column(2)
    assert (everything[0][0], len(everything)) == (4, 1)
    assert facts.path_in_schema == "label"
    assert labels == [(facts.dictionary_page_offset, facts.dictionary_page_offset + facts.total_compressed_size)]
