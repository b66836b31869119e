"""Last build step: all package files but the shards.

The manifest is written at the very end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa

from builder.engine.store import Store
from builder.package.card import write_card
from builder.package.citation import write_citation
from builder.package.credits import source_facts
from builder.package.croissant import write_croissant
from builder.package.extras import extra_facts
from builder.package.figures import write_figures
from builder.package.intensity import MEAN, SQUARE
from builder.package.manifest import (
    Manifest,
    build_manifest,
    class_index,
    file_facts,
    sealed,
    write_manifest,
    write_small_files,
)
from builder.package.results import results_of
from builder.package.sample import write_sample
from builder.package.shard_files import BATCH_FACTS
from builder.package.tables import Selection, write_tables
from builder.recipe import Recipe
from builder.sources.base import Source
from cytoimagenet_reader.layout import CARD, parse

_COUNTED: Final = ("category", "database", "dir_name", "label", "name", "scaling", "split")
"""Columns from which the card, the class lists and the figures are counted."""


def finish_package(
    package: Store,
    selection: Selection,
    rejects: pa.Table,
    recipe: Recipe,
    sources: Iterable[Source],
    shard_facts: Mapping[str, Mapping[str, Any]],
    report: Mapping[str, Any],
    file_format: str,
    fingerprints: Iterable[pa.Table] = (),
    results: bytes | None = None,
) -> Manifest:
    """Write all files but the shards; return the manifest.

    The manifest is written last. The bytes depend on the arguments and the versions of the libraries alone, never on
    the time.

    Parameters
    ----------
    selection : the examples, read as they are needed
    rejects : schema ``REJECTS``
    sources : the facts of every source in the selection; others are ignored
    shard_facts : path with its ending -> rows, bytes, sha256
    report : JSON values that the manifest keeps as they are
    fingerprints : schema ``FINGERPRINTS``, one row per source image whose whole is known, sorted by sha256
    results : scores of networks that were pretrained on the package, see `builder.package.results`

    Raises
    ------
    UserError
        Where the facts of a source are missing, or the results are none.
    """
    sources = list(sources)
    examples = selection.columns(*_COUNTED)
    index = class_index(examples)
    used = source_facts(examples, sources)
    files: dict[str, dict[str, Any]] = {path: _placed(path, facts) for path, facts in shard_facts.items()}
    files |= write_tables(package, selection, rejects, shard_facts, file_format, fingerprints)
    files |= write_small_files(package, index, used)
    files |= write_sample(package, shard_facts, file_format, selection.extras)
    files |= write_figures(package, examples, rejects, index, shard_facts, any(source["simulated"] for source in used))
    manifest = build_manifest(
        file_format=file_format,
        files=files,
        selection=examples,
        class_index=index,
        recipe=recipe,
        sources=sources,
        report={**report, **({"results": results_of(results, index)} if results else {})},
        extra=extra_facts(selection.extras, [s for s in sources if s.dir_name in {one["dir_name"] for one in used}]),
    )
    files |= write_croissant(package, manifest, index)
    files |= write_citation(package, manifest)
    files |= {CARD: file_facts(write_card(package, manifest, index))}
    manifest = sealed({**manifest, "files": dict(sorted(files.items()))})
    write_manifest(package, manifest)
    return manifest


def _placed(path: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    part = parse(path)
    if part is None:
        raise ValueError(f"{path} is not the name of a shard")
    stated = {name: facts[name] for name in ("rows", "bytes", "sha256")}  # in one order, whoever kept them
    found = {name: facts[name] for name in (MEAN, SQUARE, *BATCH_FACTS) if name in facts}
    return {**stated, "config": part.config, "split": part.split, **found}
