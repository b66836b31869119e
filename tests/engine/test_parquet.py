"""Parquet tables of a store.

What is read, in which order, and by which thread.
"""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFile

from builder.engine.parquet import open_parquet, parquet_writer, read_parquet
from builder.engine.store import Store

TABLE = pa.table(
    {
        "idx": [f"a-{number}" for number in range(1000)],
        "label": ["actin" if number % 3 else "nucleus" for number in range(1000)],
        "files": [[f"{number}.tif"] for number in range(1000)],
    }
)


@pytest.fixture(params=["local", "remote"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return a store with ``TABLE`` as table.parquet.

    In ten row groups.
    """
    found = Store(tmp_path if request.param == "local" else f"memory://{tmp_path.name}/parquet")
    with found.writing("table.parquet") as file:
        pq.write_table(TABLE, file, row_group_size=100)
    return found


def test_a_table_is_read_whole(store: Store) -> None:
    assert read_parquet(store, "table.parquet").equals(TABLE)


def test_columns_come_in_the_order_asked_for(store: Store) -> None:
    wanted = ["label", "idx"]
    with open_parquet(store, "table.parquet") as table:
        assert table.schema == TABLE.schema
        assert table.groups == 10
        assert table.read(wanted).equals(TABLE.select(wanted))
        assert table.read_group(3, wanted).equals(TABLE.select(wanted).slice(300, 100))
        batches = list(table.batches(["files", "idx"], rows=64))
    assert max(len(batch) for batch in batches) == 64
    assert pa.Table.from_batches(batches).equals(TABLE.select(["files", "idx"]))


def test_texts_as_codes(store: Store) -> None:
    table = read_parquet(store, "table.parquet", ["label"], coded=["label"])
    assert pa.types.is_dictionary(table["label"].type)
    assert table["label"].to_pylist() == TABLE["label"].to_pylist()


def test_a_missing_column_or_file_is_an_error(store: Store) -> None:
    with pytest.raises(KeyError, match="dose"):
        read_parquet(store, "table.parquet", ["idx", "dose"])
    with pytest.raises(FileNotFoundError):
        read_parquet(store, "nothing.parquet")


def test_no_thread_of_pyarrow_reads_a_python_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"memory://{tmp_path.name}/threads")
    with store.writing("table.parquet") as file:
        pq.write_table(TABLE, file, row_group_size=100)
    readers = set()

    class Watched(MemoryFile):  # type: ignore[misc] # fsspec has no types
        def read(self, *arguments: Any) -> bytes:
            readers.add(threading.get_ident())
            return bytes(super().read(*arguments))

    memory = fsspec.filesystem("memory")
    monkeypatch.setattr(type(memory), "_open", lambda self, path, *_, **__: Watched(self, path, self.cat_file(path)))
    assert read_parquet(store, "table.parquet").equals(TABLE)
    with open_parquet(store, "table.parquet") as table:
        assert len(list(table.batches(rows=10))) == 100
    assert readers == {threading.get_ident()}


@pytest.mark.parametrize("moment", ["writing", "closing"])
def test_a_writer_that_is_broken_off_says_nothing_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    out = Store(tmp_path)
    if moment == "closing":
        monkeypatch.setattr(pq.ParquetWriter, "close", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))

    def broken_off() -> None:
        with out.writing("table.parquet") as file, parquet_writer(file, TABLE.schema) as writer:
            writer.write_table(TABLE)
            if moment == "writing":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    gc.collect()
    assert said == []
    assert list(tmp_path.iterdir()) == []
