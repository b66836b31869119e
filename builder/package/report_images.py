"""Small examples embedded in the report page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from PIL import Image

from builder.engine.store import Store
from builder.package.content_audit import Pair
from builder.package.examples_at import examples_at
from builder.package.overlaps import Overlap
from cytoimagenet_reader.decode import decode

_SIDE: Final = 144


def thumbnail(png: bytes) -> str:
    """Return an example as a small data URI.

    Its longer side is at most 144 pixels.
    """
    image = Image.fromarray(decode(png))
    image.thumbnail((_SIDE, _SIDE))
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(sink.getvalue()).decode()


def shown_pairs(
    package: Store, files: Iterable[str], table: pa.Table, pairs: Sequence[Pair | Overlap]
) -> list[dict[str, Any]]:
    """Describe each pair, with both examples as data URIs.

    Parameters
    ----------
    files : of the manifest
    table : of all examples, as in ``metadata.parquet``
    """
    rows = [place for pair in pairs for place in (pair.train, pair.validation)]
    sides: Sequence[Mapping[str, Any]] = table.take(pa.array(rows, pa.int64())).to_pylist()
    images = examples_at(package, files, [(side["shard"], side["position"]) for side in sides])
    shown = [{**side, "uri": thumbnail(image)} for side, image in zip(sides, images, strict=True)]
    return [
        {**pair._asdict(), "train": train, "validation": validation}
        for pair, train, validation in zip(pairs, shown[::2], shown[1::2], strict=True)
    ]
