"""All columns, with their order and types.

No other place spells them. Arrow types follow https://arrow.apache.org/docs/format/Columnar.html; the ``image`` struct
is the one that the ``Image`` feature of ``datasets`` reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from cytoimagenet_reader import layout

CATEGORIES: Final = layout.CATEGORIES
"""The seven annotation columns that can give a label, in the order in which tables show them."""

TOKEN_SEPARATOR: Final = "|"

SPLITS: Final = layout.SPLITS

REASONS: Final = {
    "unreadable": "no channel of the image could be read",
    "uniform": "the 0.1th percentile equals the 99.9th in every channel",
    "binary_mask": "only two intensities: a mask, not an example",
    "dim": "the 75th percentile is 0",
    "crop_blank": "a crop whose range, or that of its inner part, is below min_contrast, or that is noise",
    "crop_too_dark": "a crop whose mean is 1 or less, of 255",
    "crop_too_bright": "a crop whose mean is 254 or more, of 255",
    "crop_dim": "a crop whose 75th percentile is 0",
    "crop_uniform": "a crop whose 0.1th percentile equals its 99.9th",
    "crop_binary": "a crop with only two intensities: blank background, or a mask",
    "too_large": "more pixels than the recipe's max_pixels",
    "mismatched": "channels of one image differ in size, or from the size that the source's table states",
    "crashed": "reading it ended the process (twice, the second time alone and with memory enough)",
    "not_tried": "its files could not be read now, or time or memory ran out: the next build tries it again",
    "duplicate": "the same standardised pixels as another image, whole in any orientation, or as another crop",
    "over_class_size": "drawn away: its class had more than class_size",
    "small_class": "its class has fewer than min_class_size images",
}
"""Why an image, or a crop of it, is not in the package."""

_TEXTS: Final = [(name, pa.string()) for name in CATEGORIES]

CONTROLS: Final = ("negative", "positive")
"""What ``control`` may say of an image; null where the source states neither."""

ACQUISITION: Final = [
    ("batch", pa.string()),  # <dir_name>:<plate, experiment, slide or session>: what shares staining and acquisition
    ("well", pa.string()),  # A01, of whatever plate
    ("control", pa.string()),  # one of CONTROLS
    ("pixel_size_um", pa.float64()),  # side of a pixel of the source image in the specimen, micrometres
    ("timepoint", pa.string()),  # of an image in a time series, in the source's words
    ("z", pa.int32()),  # of an image in a focal series, the source's number of the plane
]
"""How an image was acquired, as far as its source tells; null where it does not."""

ANNOTATIONS: Final = pa.schema(
    [
        pa.field("idx", pa.string(), nullable=False),  # <dir_name>-<17 digits>, which are a hash of the key
        pa.field("key", pa.string(), nullable=False),  # the image's own name within its source
        pa.field("database", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("dir_name", pa.string(), nullable=False),
        *_TEXTS,
        ("microscopy", pa.string()),
        ("channels", pa.string()),  # what each file or plane shows, joined by "|"
        ("size", pa.list_(pa.int32())),  # width and height of the files as seen, where a table states them, or null
        pa.field("files", pa.list_(pa.string()), nullable=False),  # below the source's folder, with "/"
        pa.field("planes", pa.list_(pa.int32()), nullable=False),  # see builder.sources.base.Channel
        ("region", pa.list_(pa.int32())),  # x_min, x_max, y_min, y_max in the file, or null; no list of fixed size:
        # pyarrow before 26 cannot read those back from Parquet where some are null
        pa.field("group", pa.string(), nullable=False),  # <dir_name>:<specimen>, or shared:… of several sources
        *ACQUISITION,
        pa.field("single_object", pa.bool_(), nullable=False),  # shows one cell, nucleus ... and must stay whole
        pa.field("license", pa.string(), nullable=False),
        pa.field(
            "file_signature", pa.int64(), nullable=False
        ),  # hash of sizes and times of its files: has the input changed?
    ]
)
"""One row per image: ``annotations/<dir_name>.parquet``."""

ASSIGNMENTS: Final = pa.schema(
    [
        pa.field("idx", pa.string(), nullable=False),
        pa.field("dir_name", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("crops", pa.int8(), nullable=False),  # crops wanted from the image
    ]
)
"""One row per image that has a label: ``assignments.parquet``."""

_WINDOW: Final = [
    pa.field("crop", pa.bool_(), nullable=False),
    pa.field("scaling", pa.float64(), nullable=False),  # 1 for a whole image
    ("x_min", pa.int32()),  # the window [y_min:y_max, x_min:x_max] of the image; null for a whole image
    ("x_max", pa.int32()),
    ("y_min", pa.int32()),
    ("y_max", pa.int32()),
    ("contrast", pa.float64()),  # 99.9th minus 0.1th percentile of the window, in the image's scale [0, 1]
]

STATISTICS: Final = [
    ("height", pa.int32()),  # pixels of this example (crop or whole)
    ("width", pa.int32()),
    ("mean", pa.float64()),  # 0-255 scale, before the crop's own normalisation
    ("p75", pa.float64()),  # likewise
    ("distinct", pa.int32()),  # number of distinct grey levels
    ("sharpness", pa.float64()),  # variance of the Laplacian over the squared mean
    ("pixels_sha256", pa.binary(32)),  # of height, width (little-endian uint32) and the 8-bit pixels
    ("phash", pa.uint64()),  # 64-bit perceptual hash
]

SUMS: Final = [
    ("pixel_sum", pa.int64()),  # of the example's 8-bit pixels
    ("pixel_square_sum", pa.int64()),  # of their squares
]
"""From which *shard* makes a package's mean and standard deviation of pixels; they stay in WORK."""

WHOLE_SHA256: Final = pa.field("sha256", pa.string())
"""Of the standardised whole image, before it is cut, in any orientation (builder.pixels.fingerprint); hexadecimal."""

THUMBNAIL: Final = pa.field("thumbnail", pa.binary(256))
"""What the whole image looks like, int8 (16, 16): see builder.pixels.thumbnail."""

FINGERPRINTS: Final = pa.schema([WHOLE_SHA256, THUMBNAIL])
"""``fingerprints.parquet`` of the package: one row per source image, sorted by sha256."""

PART_ROWS: Final = pa.schema(
    [
        pa.field("idx", pa.string(), nullable=False),
        pa.field("candidate", pa.int8(), nullable=False),  # -1 the whole image, 0..3 its crops in drawn order
        *_WINDOW,
        ("redrawn", pa.int8()),  # how often the window was drawn again because it was blank
        ("whole_dim", pa.bool_()),  # whether the 75th percentile of the whole image is 0
        *STATISTICS,
        *SUMS,
        WHOLE_SHA256,
        THUMBNAIL,  # in the first row of each image, null in the others
        ("bytes", pa.int32()),  # size of the PNG
        ("row", pa.int32()),  # of the part's examples; null when rejected
        ("reason", pa.string()),  # one of REASONS; null when kept
        ("detail", pa.string()),
        pa.field("crops", pa.int8(), nullable=False),  # as wanted when it was made
        pa.field("file_signature", pa.int64(), nullable=False),  # of the image's files when it was made
    ]
)
"""One row per example that was made or refused: ``standardized/<dir_name>/part-….parquet``."""

PART_IMAGES: Final = pa.schema([pa.field("png", pa.large_binary(), nullable=False)])
"""The PNG bytes, in the order of ``row``: ``standardized/<dir_name>/part-….arrow`` (IPC file format)."""

METADATA: Final = pa.schema(
    [
        pa.field("label", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("database", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("dir_name", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),  # cytoimagenet/<class folder>
        pa.field("filename", pa.string(), nullable=False),
        pa.field("idx", pa.string(), nullable=False),
        *_TEXTS,
        ("microscopy", pa.string()),
        *_WINDOW,
        ("channels", pa.string()),
        pa.field("license", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        *ACQUISITION,
        WHOLE_SHA256,
    ]
)
"""Every column of an example but the image, in the package's order."""

IMAGE_TYPE: Final = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

EXAMPLES: Final = pa.schema([pa.field("image", IMAGE_TYPE), *METADATA])
"""One row per example of the package; ``label`` is the class name, which each config's ClassLabel turns into an id."""

SELECTION: Final = pa.schema(
    [
        *METADATA,
        pa.field("split", pa.string(), nullable=False),
        pa.field(
            "shard", pa.string(), nullable=False
        ),  # data/<category>/<split>-00000-of-00012; of Parquet in a package, see layout.shard_path
        pa.field("position", pa.int64(), nullable=False),  # row of the shard
        pa.field("part", pa.string(), nullable=False),  # standardized/<dir_name>/part-… without its ending
        pa.field("row", pa.int32(), nullable=False),  # of the part's examples
        pa.field("candidate", pa.int8(), nullable=False),
        *STATISTICS,
        *SUMS,
        pa.field("bytes", pa.int32(), nullable=False),
    ]
)
"""``selection.parquet``: sorted by shard and position."""

REJECTS: Final = pa.schema(
    [
        pa.field("idx", pa.string(), nullable=False),
        pa.field("dir_name", pa.string(), nullable=False),
        ("key", pa.string()),
        ("label", pa.string()),
        ("candidate", pa.int8()),
        pa.field("stage", pa.string(), nullable=False),  # standardize or select
        pa.field("reason", pa.string(), nullable=False),  # one of REASONS
        ("detail", pa.string()),
    ]
)
"""``rejects.parquet`` of the package: every image or crop that was dropped, and why."""

EXTRA_TYPES: Final = {"text": pa.string(), "number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
"""Types of the columns that a source may add (``builder.sources.base.Extra``)."""

_KNOWN: Final = frozenset(
    name for schema in (ANNOTATIONS, ASSIGNMENTS, PART_ROWS, EXAMPLES, SELECTION, REJECTS) for name in schema.names
)
_EXTRA_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


def extra_fields(schema: pa.Schema) -> list[pa.Field]:
    """Return the columns of a table that sources added."""
    return [field for field in schema if field.name not in _KNOWN]


def with_extras(schema: pa.Schema, extras: Iterable[pa.Field]) -> pa.Schema:
    """Return a schema with the columns that sources added, last."""
    return pa.schema([*schema, *extras])


def extra_problem(name: str, kind: str) -> str:
    """Return why a source cannot add a column, or ''.

    ``kind`` is one of ``EXTRA_TYPES``.
    """
    if not _EXTRA_NAME.fullmatch(name):
        return f"{name!r} is no name of a column: it has small letters, digits and _, and begins with a letter"
    if name in _KNOWN:
        return f"{name!r} is a column of every package; call the extra one otherwise"
    return "" if kind in EXTRA_TYPES else f"{name} has the type {kind!r}; known are {', '.join(EXTRA_TYPES)}"
