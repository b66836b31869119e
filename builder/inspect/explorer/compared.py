"""Comparison of the split by content, kept between reports."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from builder.code_version import code_version
from builder.engine.store import Store
from builder.package.content_audit import ContentAudit, Pair, content_audit, read_fingerprints
from builder.package.manifest import Manifest
from cytoimagenet_reader import layout

log = logging.getLogger(__name__)

KEPT: Final = Path("data") / "pairs.parquet"
"""Where a report keeps the pairs that it found."""

_OF: Final = (layout.METADATA_TABLE, layout.FINGERPRINTS_TABLE)
_LONG: Final = 100_000  # examples whose comparison takes more than seconds
_FACTS: Final = b"cytoimagenet"


def compared(package: Store, manifest: Manifest, rows: pa.Table, out: Path, before: Path) -> ContentAudit:
    """Compare both sides by content, or reuse the last comparison.

    That is taken where it is of the same tables, by their hashes in the manifest, and of the same code.

    Parameters
    ----------
    rows : sha256 and split of each example
    out : folder of the report that is written
    before : folder of the last report, which may not be there
    """
    key = [
        *(manifest["files"].get(path, {}).get("sha256") for path in _OF),
        code_version("builder.package.content_audit"),
    ]
    found = _read(before / KEPT, key)
    if found:
        log.info("report: the pairs across the split are those of the last report in %s", before)
    else:
        if len(rows) > _LONG:
            log.info("report: compares training and validation by content, which takes minutes (not with --no-audit)")
        found = content_audit(rows, read_fingerprints(package))
    _write(out / KEPT, key, found)
    return found


def _write(path: Path, key: list[str | None], found: ContentAudit) -> None:
    pairs = [*found.same, *found.alike]
    columns = {name: pa.array([getattr(pair, name) for pair in pairs]) for name in Pair._fields}
    facts = {"of": key, "same": len(found.same), "compared": found.compared, "unknown": found.unknown}
    pq.write_table(pa.table(columns).replace_schema_metadata({_FACTS: json.dumps(facts)}), path)


def _read(path: Path, key: list[str | None]) -> ContentAudit | None:
    if not path.is_file():
        return None
    try:
        table = pq.read_table(path)
        facts = json.loads((table.schema.metadata or {})[_FACTS])
        if facts["of"] != key:
            return None
        pairs = [Pair(*row.values()) for row in table.select(list(Pair._fields)).to_pylist()]
        one, other = facts["compared"]
    except (pa.ArrowInvalid, ValueError, KeyError) as error:
        log.info("report: %s is not readable, so it is made again (%s)", path, error)
        return None
    return ContentAudit(pairs[: facts["same"]], pairs[facts["same"] :], (one, other), facts["unknown"])
