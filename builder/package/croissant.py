"""``croissant.json``: the package's description in Croissant 1.0.

Croissant is a JSON-LD vocabulary for datasets that search engines read. Format:
https://docs.mlcommons.org/croissant/docs/croissant-spec.html. Its records are the rows of ``metadata.parquet`` and the
examples of each config. Of the two formats of shards mlcroissant reads Parquet alone (1.1.1, ``Read`` in
``operation_graph/operations/read.py``): of Arrow streams the description tells any other reader the columns, and a
record set of its own has the examples of ``sample.parquet``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from builder.engine.store import Store
from builder.package.extras import extras_of
from builder.package.identity import PAPER, PAPER_URL, identity_of
from builder.package.manifest import ClassIndex, Manifest, file_facts, to_json
from builder.package.tables import TABLE
from builder.schema import with_extras
from cytoimagenet_reader import layout

_ENCODINGS: Final = {"arrow": "application/vnd.apache.arrow.stream", "parquet": "application/x-parquet"}
_LABELS: Final = {
    "arrow": ("sc:Text", "label is the name of the class; Arrow IPC streams, to be read by pyarrow or datasets"),
    "parquet": ("sc:Integer", "label is the number of a class of full"),
}
_TYPES: Final = {
    pa.string(): "sc:Text",
    pa.bool_(): "sc:Boolean",
    pa.float64(): "sc:Float",
    pa.int8(): "sc:Integer",
    pa.int32(): "sc:Integer",
    pa.int64(): "sc:Integer",
    pa.uint64(): "sc:Integer",
}
_CR: Final = (
    "citeAs column equivalentProperty extract field fileProperty fileObject fileSet format includes isLiveDataset "
    "jsonPath key md5 parentField path recordSet references regex repeated replace separator source subField transform"
)
_CONTEXT: Final = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "samplingRate": "cr:samplingRate",
    **{word: f"cr:{word}" for word in _CR.split()},
}


def write_croissant(package: Store, manifest: Manifest, index: ClassIndex) -> dict[str, dict[str, Any]]:
    """Write ``croissant.json``; return its facts for the manifest."""
    content = to_json(croissant(manifest, index))
    package.write_bytes(layout.CROISSANT, content)
    return {layout.CROISSANT: file_facts(content)}


def croissant(manifest: Manifest, index: ClassIndex) -> dict[str, Any]:
    """Return the JSON-LD as plain values.

    Its paths are relative to the package.
    """
    identity = identity_of(manifest)
    own = {*manifest["recipe"].get("tags", ()), "simulated"}
    what = "simulated" if manifest["simulated"] else "microscopy"
    configs = list(index)
    examples = [_examples(config, manifest["format"]) for config in configs]
    sampled = layout.SAMPLE_TABLE in manifest["files"]
    tables = [layout.METADATA_TABLE, *([layout.SAMPLE_TABLE] if sampled else [])]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"{identity.name}-simulated" if manifest["simulated"] else identity.name,
        "description": identity.description
        or (
            f"{manifest['images']:,} 8-bit grayscale {what} images in {manifest['classes']:,} weakly labelled classes, "
            f"from {len(manifest['sources'])} sources, for pretraining models of bioimages."
        ),
        "version": manifest["version"],
        **({"datePublished": manifest["recipe"]["published"]} if manifest["recipe"].get("published") else {}),
        "url": PAPER_URL,
        **({"identifier": f"https://doi.org/{identity.doi}"} if identity.doi else {}),
        "license": [identity.license_url or identity.license] if identity.license else _licenses(manifest),
        "citeAs": identity.citation or PAPER,
        "keywords": ["microscopy", "bioimage", "weak labels", *(tag for tag in identity.tags if tag in own)],
        "distribution": [
            *(_object(path, manifest["files"][path], "parquet") for path in tables),
            *(_shards(config, manifest["format"]) for config in configs),
        ],
        "recordSet": [_table(manifest), *([_sample()] if sampled else []), *examples],
    }


def _licenses(manifest: Manifest) -> list[str]:
    return sorted({source["license_url"] or source["license"] for source in manifest["sources"]})


def _object(path: str, facts: Mapping[str, Any], file_format: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{facts['bytes']} B",
        "encodingFormat": _ENCODINGS[file_format],
        "sha256": facts["sha256"],
    }


def _shards(config: str, file_format: str) -> dict[str, Any]:
    category = "*" if config == layout.FULL else config
    files = f"{category}/*" if file_format == "arrow" else f"*-{category}-*"
    return {
        "@type": "cr:FileSet",
        "@id": f"shards-{config}",
        "name": f"shards-{config}",
        "description": f"Data files of the config {config}.",
        "encodingFormat": _ENCODINGS[file_format],
        "includes": f"{layout.DATA}{files}.{file_format}",
    }


def _table(manifest: Manifest) -> dict[str, Any]:
    fields = [field for field in with_extras(TABLE, extras_of(manifest)) if field.type in _TYPES]
    said = {name: facts["description"] for name, facts in manifest.get("extra", {}).items() if facts["description"]}
    source = {"fileObject": {"@id": layout.METADATA_TABLE}}
    return {
        "@type": "cr:RecordSet",
        "@id": layout.METADATA_CONFIG,
        "name": layout.METADATA_CONFIG,
        "description": "One record per example: every column but the example, and where it lies.",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{layout.METADATA_CONFIG}/{field.name}",
                "name": field.name,
                **({"description": said[field.name]} if field.name in said else {}),
                "dataType": _TYPES[field.type],
                "source": {**source, "extract": {"column": field.name}},
            }
            for field in fields
        ],
    }


def _examples(config: str, file_format: str) -> dict[str, Any]:
    kind, what = _LABELS[file_format]
    source = {"fileSet": {"@id": f"shards-{config}"}}
    return _images(config, f"Examples of the config {config}; {what}.", source, {"label": kind, "idx": "sc:Text"})


def _sample() -> dict[str, Any]:
    what = "A few examples of each category, the first of its shards; label is the name of the class."
    kinds = dict.fromkeys(("label", "category", "idx"), "sc:Text")
    return _images("sample", what, {"fileObject": {"@id": layout.SAMPLE_TABLE}}, kinds)


def _images(name: str, what: str, source: dict[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return a record set of images and a few columns."""
    image = {**source, "extract": {"column": "image"}, "transform": {"jsonPath": "bytes"}}
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": what,
        "field": [
            _field(name, "image", "sc:ImageObject", image),
            *(_field(name, column, kind, {**source, "extract": {"column": column}}) for column, kind in kinds.items()),
        ],
    }


def _field(config: str, name: str, kind: str, source: dict[str, Any]) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"{config}/{name}", "name": name, "dataType": kind, "source": source}
