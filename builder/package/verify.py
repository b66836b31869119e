"""Checks of a package, from its files alone."""

from __future__ import annotations

import concurrent.futures
import functools
import hashlib
import logging
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from builder import interrupt
from builder.engine.store import Store
from builder.errors import UserError
from builder.package import check_fingerprints
from builder.package.check_card import check_card
from builder.package.check_manifest import check_manifest, check_presence
from builder.package.check_rows import READ, REPEATED, check_classes, check_order, check_rejects, check_rows
from builder.package.check_shards import ShardTask, first_rows, iter_shard
from builder.package.content_audit import Pair
from builder.package.data_files import MALFORMED, raise_of_machine, whole_table
from builder.package.extras import extras_of
from builder.package.manifest import ClassIndex, Manifest, check_links, class_index_of, manifest_of, no_package
from builder.package.problem import Problem
from builder.package.sample import check_sample
from builder.package.tables import TABLE
from builder.recipe import Recipe
from builder.schema import with_extras
from cytoimagenet_reader import layout
from cytoimagenet_reader.manifest import ManifestError

log = logging.getLogger(__name__)

_EXPECTED: Final = (
    layout.METADATA_TABLE,
    layout.REJECTS_TABLE,
    layout.FINGERPRINTS_TABLE,
    layout.CLASSES,
    layout.CARD,
    layout.LICENSE_PAGE,
    layout.SOURCES_PAGE,
)


class Findings(NamedTuple):
    """Problems of a package, and pairs that need a look."""

    problems: list[Problem]
    warnings: list[Problem]


def verify(package: Store | str, deep: bool = False, workers: int = 1) -> list[Problem]:
    """Return the problems of a package; empty if sound.

    See `check`.
    """
    return check(package, deep, workers).problems


def check(
    package: Store | str, deep: bool = False, workers: int = 1, on_file: Callable[[str], Any] = lambda path: None
) -> Findings:
    """Check a package.

    Checked are names, sizes and sha256 of all files against the manifest; columns, rows and PNG headers of the shards;
    labels, split, names and counts; and the card's YAML and numbers against the data. ``check_in_subprocess`` does the
    same in a process of its own.

    Parameters
    ----------
    package : a folder or URL, or a Store
    deep : decode every image too, compare its pixels with hash and fingerprint, and compare the two sides of the split
        by content: the same whole image on both is a problem; images that look alike, and examples that show one part
        of a scene, are warnings
    workers : processes that read data files
    on_file : called with each file before its content is looked at

    Raises
    ------
    UserError
        Where there is no manifest, and so no package.
    """
    store = package if isinstance(package, Store) else Store(package)
    if not store.exists(layout.MANIFEST):
        raise no_package(store)
    try:
        check_links(store, [layout.MANIFEST])
        manifest = manifest_of(store.read_bytes(layout.MANIFEST))
        recipe = Recipe.of(manifest["recipe"])
    except (ManifestError, UserError) as error:
        return Findings([Problem(layout.MANIFEST, str(error))], [])
    problems = list(_guarded(layout.MANIFEST, check_manifest(manifest)))
    presence = list(check_presence(store, manifest))
    odd = {problem.file for problem in presence}
    intact = {path: facts for path, facts in manifest["files"].items() if path not in odd}
    changed = [problem for path in intact if layout.parse(path) is None for problem in _hashed(store, path, manifest)]
    readable = intact.keys() - {problem.file for problem in changed}
    problems += presence + changed
    on_file(layout.METADATA_TABLE)
    table, schema, unread = _facts_of_rows(store, manifest) if layout.METADATA_TABLE in readable else (None, None, [])
    problems += unread
    index, unread = _class_index(store) if layout.CLASSES in readable else (None, [])
    problems += unread
    problems += _about_tables(store, manifest, readable, table, schema, index, recipe)
    fingerprints = False
    alike: list[Pair] = []
    if table is not None and layout.FINGERPRINTS_TABLE in readable:
        on_file(layout.FINGERPRINTS_TABLE)
        about_content, alike = _about_content(store, table, deep)
        problems += about_content
        fingerprints = not about_content
    comparable = table is not None
    del table  # the shards' rows are read by those who compare them
    classes = tuple(index[layout.FULL]["names"]) if index else None
    tasks = _shard_tasks(manifest, readable, comparable, recipe, deep, fingerprints, classes)
    problems += _checked(functools.partial(_check_shard, store), tasks, workers, on_file)
    if not problems and layout.SAMPLE_TABLE in readable:  # the shards are sound, with which it is compared
        problems += _guarded(layout.SAMPLE_TABLE, check_sample(store, manifest))
    sound = deep and comparable and not problems
    return Findings(problems, list(_across_the_split(store, manifest, alike, workers, on_file)) if sound else [])


def _across_the_split(
    store: Store, manifest: Manifest, alike: list[Pair], workers: int, on_file: Callable[[str], Any]
) -> Iterator[Problem]:
    """Yield warnings about decoded content shared across the split.

    All files must be sound.
    """
    on_file(layout.METADATA_TABLE)
    table, files = _facts_of_rows(store, manifest)[0], manifest["files"]
    yield from _guarded(layout.FINGERPRINTS_TABLE, check_fingerprints.check_alike(store, files, table, alike))
    yield from _guarded(layout.METADATA_TABLE, check_fingerprints.check_overlaps(store, files, table, workers))


def _about_content(store: Store, table: pa.Table, deep: bool) -> tuple[list[Problem], list[Pair]]:
    """Return problems of fingerprints and split, and the alike pairs."""
    problems = list(_guarded(layout.FINGERPRINTS_TABLE, check_fingerprints.check_form(store, table)))
    if problems or not deep:
        return problems, []
    return check_fingerprints.check_content(store, table)


def _guarded(path: str, found: Iterator[Problem]) -> Iterator[Problem]:
    """Yield a check's findings, with its failure as one more.

    A check that breaks on what a file holds is a finding about that file.
    """
    try:
        yield from found
    except MALFORMED as error:
        raise_of_machine(error)
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        yield Problem(path, f"holds something that no build writes, so it cannot be checked completely ({text})")


def _check_shard(store: Store, task: ShardTask) -> list[Problem]:
    return list(_guarded(task.path, iter_shard(store, task)))


def _hashed(store: Store, path: str, manifest: Manifest) -> Iterator[Problem]:
    if hashlib.sha256(store.read_bytes(path)).hexdigest() != manifest["files"][path]["sha256"]:
        yield Problem(path, "its bytes changed: sha256 differs from the manifest's")


def _facts_of_rows(store: Store, manifest: Manifest) -> tuple[pa.Table | None, pa.Schema | None, list[Problem]]:
    """Return the checked columns of ``metadata.parquet``, and its schema.

    Texts that repeat are dictionary-encoded. The table is None where it lacks a column, or cannot be read; then the
    last says why.
    """
    try:
        with store.open(layout.METADATA_TABLE) as file:
            schema = pq.read_schema(file)
            if not schema.equals(with_extras(TABLE, extras_of(manifest))):
                return None, schema, []
            return whole_table(file, READ, REPEATED).unify_dictionaries(), schema, []
    except MALFORMED as error:
        raise_of_machine(error)
        return None, None, [_unreadable(layout.METADATA_TABLE, error)]


def _class_index(store: Store) -> tuple[ClassIndex | None, list[Problem]]:
    try:
        return class_index_of(store.read_bytes(layout.CLASSES)), []
    except ManifestError as error:
        return None, [Problem(layout.CLASSES, str(error))]


def _unreadable(path: str, error: BaseException) -> Problem:
    return Problem(path, f"cannot be read: {type(error).__name__}: {error}".splitlines()[0])


def _about_tables(
    store: Store,
    manifest: Manifest,
    readable: set[str],
    table: pa.Table | None,
    schema: pa.Schema | None,
    index: ClassIndex | None,
    recipe: Recipe,
) -> Iterator[Problem]:
    """Yield contradictions between the small files.

    Files are compared as far as they can be trusted.
    """
    for path in _EXPECTED:
        if path not in manifest["files"]:
            yield Problem(layout.MANIFEST, f"does not list {path}")
    if schema is not None and not schema.equals(with_extras(TABLE, extras_of(manifest))):
        yield Problem(layout.METADATA_TABLE, "its columns are not those of builder.package.tables")
    elif table is not None:
        yield from _guarded(layout.METADATA_TABLE, check_rows(table, manifest, recipe))
        yield from _guarded(layout.METADATA_TABLE, check_order(table, manifest))
        if index is not None:
            yield from _guarded(layout.CLASSES, check_classes(table, index, manifest))
    if layout.REJECTS_TABLE in readable:
        yield from _guarded(layout.REJECTS_TABLE, _rejects(store))
    if layout.CARD in readable and index is not None:
        yield from _guarded(layout.CARD, _card(store, manifest, index))


def _rejects(store: Store) -> Iterator[Problem]:
    yield from check_rejects(whole_table(pa.BufferReader(store.read_bytes(layout.REJECTS_TABLE))))


def _card(store: Store, manifest: Manifest, index: ClassIndex) -> Iterator[Problem]:
    yield from check_card(store.read_bytes(layout.CARD).decode(), manifest, index)


def _shard_tasks(
    manifest: Manifest,
    readable: set[str],
    comparable: bool,
    recipe: Recipe,
    deep: bool,
    fingerprints: bool,
    classes: tuple[str, ...] | None,
) -> list[ShardTask]:
    starts = first_rows(manifest)
    how = recipe, deep, fingerprints, classes, tuple(extras_of(manifest))
    return [
        ShardTask(path, manifest["files"][path], starts[path] if comparable else None, *how)
        for path in sorted(readable)
        if layout.parse(path)
    ]


def _checked(
    check: Callable[[ShardTask], list[Problem]], tasks: list[ShardTask], workers: int, on_file: Callable[[str], Any]
) -> Iterator[Problem]:
    found = _checked_together(check, tasks, workers) if workers > 1 else None
    if found is not None:
        yield from found
        return
    for task in tasks:
        on_file(task.path)
        yield from check(task)


def _checked_together(
    check: Callable[[ShardTask], list[Problem]], tasks: list[ShardTask], workers: int
) -> list[Problem] | None:
    """Return the findings of several processes.

    None where a file ended a process: taken one by one, it is known which; and where no processes can be had.
    """
    context = multiprocessing.get_context("spawn")
    try:
        pool = concurrent.futures.ProcessPoolExecutor(workers, context)
    except OSError as error:  # a /dev/shm that cannot be written to
        log.warning("no processes can be started (%s): the files are checked one after another", error.strerror)
        return None
    try:
        with pool:
            with interrupt.held():
                results = pool.map(check, tasks)
            return [problem for found in results for problem in found]
    except BrokenProcessPool:
        return None
