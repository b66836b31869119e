"""Conversion of a finished package to the other format.

Arrow is for training from a disk, Parquet for the hub.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from builder.engine.store import Store
from builder.errors import UserError
from builder.package.card import write_card
from builder.package.citation import write_citation
from builder.package.croissant import write_croissant
from builder.package.data_files import MALFORMED, data_batches, raise_of_machine
from builder.package.extras import extras_of
from builder.package.features import with_features
from builder.package.intensity import MEAN, SQUARE
from builder.package.manifest import (
    Manifest,
    file_facts,
    read_class_index,
    read_manifest,
    sealed,
    version_of,
    write_manifest,
)
from builder.package.sample import write_sample
from builder.package.shard_files import write_batches
from builder.package.tables import GROUP_ROWS, TABLE, in_pieces, metadata_writer, table_writer
from builder.schema import EXAMPLES, with_extras
from cytoimagenet_reader import layout

_WRITTEN_AGAIN: Final = (layout.CARD, layout.CROISSANT, layout.CITATION, layout.SAMPLE_TABLE)


def reformat(
    source: Store, target: Store, file_format: str, on_file: Callable[[str], Any] = lambda path: None
) -> Manifest:
    """Write a package again with data files in another format.

    Returns the manifest, which is written last. Each file is compared with the manifest's sha256 before it is used.
    From the same versions of the libraries, the bytes are those of a build in that format.

    Parameters
    ----------
    target : an empty place, or one that holds what an interrupted run left: no manifest yet, and no other file
    on_file : called with each file before it is written

    Raises
    ------
    UserError
        Where there is no package, it has that format, a file is not what the manifest says, or the place is not empty.
    """
    manifest, index = read_manifest(source), read_class_index(source)
    if manifest["format"] == file_format:
        raise UserError(f"{source.url} is in {file_format} already")
    new_names = {_renamed(path, file_format) if layout.parse(path) else path for path in manifest["files"]}
    if set(target.list("")) - {*new_names, layout.SAMPLE_TABLE}:
        raise UserError(f"{target.url} is not empty; name a new folder with -o")
    target.clean()
    classes = index[layout.FULL]["names"]
    extras = extras_of(manifest)
    files: dict[str, dict[str, Any]] = {}
    for path, facts in manifest["files"].items():
        if path in _WRITTEN_AGAIN:
            continue
        on_file(path)
        content = _content(source, path, facts)
        part = layout.parse(path)
        if path == layout.METADATA_TABLE:
            try:
                _write_places(target, content, manifest["format"], file_format, with_extras(TABLE, extras))
            except MALFORMED as error:
                raise _unreadable(path, error) from None
            files[path] = {**facts, "bytes": target.size(path), "sha256": target.sha256(path)}
            continue
        if part is None:
            target.write_bytes(path, content.to_pybytes())
            files[path] = dict(facts)
            continue
        new = _renamed(path, file_format)
        with target.writing(new) as out:
            found = _rewrite(out, content, path, file_format, classes, extras)
        stated = {"rows": facts["rows"], "bytes": target.size(new), "sha256": target.sha256(new)}
        figures = {name: facts[name] for name in (MEAN, SQUARE) if name in facts}
        files[new] = {**stated, "config": part.config, "split": part.split, **figures, **found}
    files = dict(sorted((files | write_sample(target, files, file_format, extras)).items()))
    versions = {**manifest["versions"], "pyarrow": pa.__version__}
    manifest = {**manifest, "format": file_format, "version": "", "versions": versions, "files": files}
    manifest = sealed(manifest | {"version": version_of(manifest)})
    files |= write_croissant(target, manifest, index)
    files |= write_citation(target, manifest)
    files |= {layout.CARD: file_facts(write_card(target, manifest, index))}
    manifest = sealed({**manifest, "files": dict(sorted(files.items()))})
    write_manifest(target, manifest)
    return manifest


def _renamed(path: str, file_format: str) -> str:
    """Return the path of a data file in another format."""
    return layout.shard_path(layout.name_of(path), file_format)


def _write_places(target: Store, content: pa.Buffer, before: str, file_format: str, schema: pa.Schema) -> None:
    """Write ``metadata.parquet`` with the new names of the shards."""
    with target.writing(layout.METADATA_TABLE) as out, table_writer(out, with_features(schema)) as writer:
        for rows in map(_table, data_batches(pa.BufferReader(content), layout.METADATA_TABLE, rows=GROUP_ROWS)):
            if others := sorted({*rows.schema.names} ^ {*schema.names}):
                raise ValueError(f"it has other columns than this version writes: {', '.join(others)}")
            shards = rows["shard"].combine_chunks().dictionary_encode()
            names = [_renamed(f"{shard}.{before}", file_format) for shard in shards.dictionary.to_pylist()]
            stems = pa.array([name.rpartition(".")[0] for name in names], pa.string())
            place = rows.schema.get_field_index("shard")
            writer.write_table(rows.set_column(place, schema.field("shard"), stems.take(shards.indices)).cast(schema))


def _content(source: Store, path: str, facts: dict[str, Any]) -> pa.Buffer:
    local = source.local(path)
    try:
        if local is None:
            content = pa.py_buffer(source.read_bytes(path))
        else:
            with pa.memory_map(local) as file:
                content = file.read_buffer()
    except FileNotFoundError:
        raise UserError(f"{source.url} lacks {path}; copy it again, or build it again") from None
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        raise UserError(
            f"{source.url}/{path} is not what the manifest says: its sha256 differs; copy or build it again"
        )
    return content


def _rewrite(
    out: Any, content: pa.Buffer, path: str, file_format: str, classes: list[str], extras: Sequence[pa.Field] = ()
) -> dict[str, Any]:
    """Write a data file in another format.

    Returns where the batches of a shard are.
    """
    try:
        if path.startswith(layout.DATA):
            return write_batches(out, _examples(content, path, extras), file_format, classes, extras)
        with metadata_writer(out, file_format, extras) as write:
            for rows in in_pieces(map(_table, data_batches(pa.BufferReader(content), path)), GROUP_ROWS):
                write(rows)
    except MALFORMED as error:
        raise _unreadable(path, error) from None
    return {}


def _unreadable(path: str, error: Exception) -> UserError:
    """Return a malformed file's error.

    A fault of the machine is raised instead.
    """
    raise_of_machine(error)
    return UserError(f"{path} cannot be read: {error}; cytoimagenet verify says more")


def _examples(content: pa.Buffer, path: str, extras: Sequence[pa.Field]) -> Iterator[pa.RecordBatch]:
    for batch in data_batches(pa.BufferReader(content), path):
        yield batch.cast(with_extras(EXAMPLES, extras))


def _table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])
