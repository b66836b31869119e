"""Checks everything that can be checked in a package, from its files alone."""

from __future__ import annotations

import concurrent.futures
import functools
import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.engine.store import Store
from builder.package import layout
from builder.package.check_card import check_card
from builder.package.check_manifest import check_form, check_manifest, check_presence
from builder.package.check_rows import READ, REPEATED, check_classes, check_order, check_rejects, check_rows
from builder.package.check_shards import ShardTask, check_shard, first_rows
from builder.package.manifest import ClassIndex, Manifest, read_manifest
from builder.package.problem import Problem
from builder.package.tables import TABLE
from builder.recipe import Recipe


def verify(package: Store | str, deep: bool = False, workers: int = 1) -> list[Problem]:
    """Return what is wrong with a package; an empty list where all is as it should be.

    Checked are names, sizes and sha256 of all files against the manifest; columns, rows and PNG headers of the shards;
    labels, split, names and counts; and the card's YAML and numbers against the data.

    Parameters
    ----------
    package : a folder or URL, or a Store
    deep : decode every example too and compare the hash of its pixels
    workers : processes that read data files

    Raises
    ------
    UserError
        Where there is no readable manifest, and so no package.
    """
    store = package if isinstance(package, Store) else Store(package)
    manifest = read_manifest(store)
    if unreadable := list(check_form(manifest)):
        return unreadable
    problems = list(check_manifest(manifest))
    presence = list(check_presence(store, manifest))
    odd = {problem.file for problem in presence}
    intact = {path: facts for path, facts in manifest["files"].items() if path not in odd}
    changed = [problem for path in intact if layout.parse(path) is None for problem in _hashed(store, path, manifest)]
    readable = intact.keys() - {problem.file for problem in changed}
    recipe = Recipe.of(manifest["recipe"])
    table, schema = _facts_of_rows(store) if layout.METADATA_TABLE in readable else (None, None)
    index = _read(store, layout.CLASSES, readable, json.loads)
    problems += presence + changed
    problems += _about_tables(store, manifest, readable, table, schema, index, recipe)
    del table  # the shards' rows are read by those who compare them
    tasks = _shard_tasks(manifest, readable, schema is not None and schema.equals(TABLE), recipe, deep)
    problems += _checked(functools.partial(check_shard, store), tasks, workers)
    return problems


def _hashed(store: Store, path: str, manifest: Manifest) -> Iterator[Problem]:
    if hashlib.sha256(store.read_bytes(path)).hexdigest() != manifest["files"][path]["sha256"]:
        yield Problem(path, "its bytes changed: sha256 differs from the manifest's")


def _read(store: Store, path: str, readable: set[str], parse: Callable[[bytes], Any]) -> Any:
    """Return a file's content, or None for one that is missing or changed: that is reported already."""
    return parse(store.read_bytes(path)) if path in readable else None


def _facts_of_rows(store: Store) -> tuple[pa.Table | None, pa.Schema]:
    """Return the columns of ``metadata.parquet`` that its laws are about, texts that repeat as codes, and its schema.

    The table is None where it lacks one of them.
    """
    with store.open(layout.METADATA_TABLE) as file:
        schema = pq.read_schema(file)
        if not schema.equals(TABLE):
            return None, schema
        return pq.read_table(file, columns=list(READ), read_dictionary=list(REPEATED)).unify_dictionaries(), schema


def _table(content: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(content))


def _about_tables(
    store: Store,
    manifest: Manifest,
    readable: set[str],
    table: pa.Table | None,
    schema: pa.Schema | None,
    index: ClassIndex | None,
    recipe: Recipe,
) -> Iterator[Problem]:
    """Yield what the small files say against each other, as far as they can be trusted."""
    for path in (layout.METADATA_TABLE, layout.REJECTS_TABLE, layout.CLASSES, layout.CARD, layout.SOURCES_PAGE):
        if path not in manifest["files"]:
            yield Problem(layout.MANIFEST, f"does not list {path}")
    if schema is not None and not schema.equals(TABLE):
        yield Problem(layout.METADATA_TABLE, "its columns are not those of builder.package.tables")
    elif table is not None:
        yield from check_rows(table, manifest, recipe)
        yield from check_order(table, manifest)
        if index is not None:
            yield from check_classes(table, index, manifest)
    if layout.REJECTS_TABLE in readable:
        yield from check_rejects(_table(store.read_bytes(layout.REJECTS_TABLE)))
    if layout.CARD in readable and index is not None:
        yield from check_card(store.read_bytes(layout.CARD).decode(), manifest, index)


def _shard_tasks(
    manifest: Manifest, readable: set[str], comparable: bool, recipe: Recipe, deep: bool
) -> list[ShardTask]:
    starts = first_rows(manifest)
    return [
        ShardTask(path, manifest["files"][path], starts[path] if comparable else None, recipe, deep)
        for path in sorted(readable)
        if layout.parse(path)
    ]


def _checked(check: Callable[[ShardTask], list[Problem]], tasks: list[ShardTask], workers: int) -> Iterator[Problem]:
    if workers <= 1:
        for task in tasks:
            yield from check(task)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, context) as pool:
        for found in pool.map(check, tasks):
            yield from found
