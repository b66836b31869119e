"""HTML report on a finished package.

One page: its classes with examples, what was dropped, and a leakage audit.
"""

from __future__ import annotations

from typing import Any, Final

import jinja2
import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.store import Store
from builder.errors import UserError
from builder.package.content_audit import content_audit, read_fingerprints
from builder.package.data_files import MALFORMED, raise_of_machine, whole_table
from builder.package.figures import first_rows
from builder.package.grain import judged
from builder.package.identity import identity_of
from builder.package.leakage import audit, batches_on_both_sides, single_source_classes
from builder.package.manifest import ClassIndex, Manifest, read_class_index, read_manifest
from builder.package.overlaps import OverlapAudit, of_other_images, overlap_audit
from builder.package.report_images import shown_pairs, thumbnail
from builder.schema import REASONS
from builder.templates import template_folder
from cytoimagenet_reader import layout

_TEMPLATE: Final = "report.html.j2"
_SAMPLES: Final = 4
_NAMED: Final = 40  # pairs that are shown: of each an image from its shard


def report(package: Store | str, deep: bool = False, workers: int = 1) -> str:
    """Return the report as one self-contained HTML page.

    Examples are embedded; no script or font is fetched.

    Parameters
    ----------
    deep : decode all examples, and show those on both sides that show one part of a scene
    workers : threads that do

    Raises
    ------
    UserError
        Where the folder is no finished package.
    """
    store = package if isinstance(package, Store) else Store(package)
    manifest, index = read_manifest(store), read_class_index(store)
    try:
        return _page(store, manifest, index, overlap_audit(store, manifest["files"], workers) if deep else None)
    except MALFORMED as error:
        raise_of_machine(error)
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{store.url} is inconsistent ({text}); see `cytoimagenet verify`") from error


def _page(store: Store, manifest: Manifest, index: ClassIndex, overlaps: OverlapAudit | None) -> str:
    table = whole_table(pa.BufferReader(store.read_bytes(layout.METADATA_TABLE)))
    rejects = whole_table(pa.BufferReader(store.read_bytes(layout.REJECTS_TABLE)))
    content = content_audit(table, read_fingerprints(store))
    found = judged(store, manifest["files"], table, content.alike)
    overlapping = of_other_images(overlaps.pairs, table) if overlaps else None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder()),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = "{:,}".format
    return environment.get_template(_TEMPLATE).render(
        m=manifest,
        title=identity_of(manifest).name,
        categories=_categories(store, manifest, index, table),
        sources=_sources(manifest, rejects),
        rejects=_rejects(rejects),
        reasons=REASONS,
        audit=audit(table, manifest["recipe"].get("split_by") == "batch"),
        batches=batches_on_both_sides(table),
        content=content,
        found=found,
        pairs=shown_pairs(store, manifest["files"], table, [*content.same, *found.alike][:_NAMED]),
        overlaps=overlapping,
        overlap_pairs=shown_pairs(store, manifest["files"], table, (overlapping or [])[:_NAMED]),
        accounts=manifest["report"].get("accounts"),
        split=manifest["report"].get("split"),
        single=single_source_classes(table),
        wanted_share=manifest["recipe"]["validation_share"],
    )


def _categories(store: Store, manifest: Manifest, index: ClassIndex, table: pa.Table) -> list[dict[str, Any]]:
    sources = _names_by_label(table)
    found = []
    for category in index:
        if category == layout.FULL:
            continue
        counts = index[category]["counts"]
        samples = _samples(store, manifest, category, set(index[category]["names"]))
        rows = [
            {
                "name": name,
                "train": counts.get("train", {}).get(name, 0),
                "validation": counts.get("validation", {}).get(name, 0),
                "sources": sources[name],
                "examples": samples.get(name, []),
            }
            for name in index[category]["names"]
        ]
        found.append({"name": category, "classes": rows})
    return found


def _samples(store: Store, manifest: Manifest, category: str, wanted: set[str]) -> dict[str, list[str]]:
    """Return some examples of each class as data URIs.

    They come from the category's first shard, whose rows lie in drawn order.
    """
    path = layout.shards_of(manifest["files"], category, layout.splits_of(manifest["files"], category)[0])[0]
    found: dict[str, list[str]] = {name: [] for name in wanted}
    missing = len(found) * _SAMPLES
    for row in first_rows(store, path, manifest["files"][path]["rows"]):
        examples = found.get(row["label"])
        if examples is not None and len(examples) < _SAMPLES:
            examples.append(thumbnail(row["image"]["bytes"]))
            missing -= 1
        if not missing:
            break
    return found


def _names_by_label(table: pa.Table) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in table.group_by(["label", "dir_name"]).aggregate([]).to_pylist():
        found.setdefault(row["label"], []).append(row["dir_name"])
    return {label: sorted(names) for label, names in found.items()}


def _sources(manifest: Manifest, rejects: pa.Table) -> list[dict[str, Any]]:
    dropped = {row["values"]: row["counts"] for row in pc.value_counts(rejects["dir_name"]).to_pylist()}
    return [{**source, "dropped": dropped.get(source["dir_name"], 0)} for source in manifest["sources"]]


def _rejects(rejects: pa.Table) -> list[dict[str, Any]]:
    """Return each reason's count, sources and first few names."""
    found = []
    for reason in REASONS:
        rows = rejects.filter(pc.equal(rejects["reason"], reason))
        if rows.num_rows:
            by_source = {row["values"]: row["counts"] for row in pc.value_counts(rows["dir_name"]).to_pylist()}
            examples = rows.slice(0, 3).to_pylist()
            found.append({"reason": reason, "count": rows.num_rows, "sources": by_source, "examples": examples})
    return sorted(found, key=lambda entry: -int(entry["count"]))
