"""Export of a package, or a part, to other formats.

Each format is written by its own library.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from builder.errors import UserError
from cytoimagenet_reader.arguments import filter_of
from cytoimagenet_reader.file_signatures import sha256_of
from cytoimagenet_reader.layout import CLASSES, FULL
from cytoimagenet_reader.package import Package
from cytoimagenet_reader.rows import DictRows, interleaved
from cytoimagenet_reader.selection import Selection, select

_FILE_BYTES: Final = 256 << 20  # of one file of examples, about


class Example(NamedTuple):
    """One row of a package.

    Its PNG, its class and every other column.
    """

    png: bytes
    label: int
    name: str
    metadata: dict[str, Any]


Write = Callable[[Example], None]


def export(
    place: str, out: str, file_format: str, config: str = FULL, conditions: Mapping[str, Any] | None = None
) -> dict[str, int]:
    """Export the examples that pass the conditions; return split sizes.

    Shards are compared with the manifest's hashes first. ``out`` appears when it is whole.

    Parameters
    ----------
    file_format : a key of ``WRITERS``
    conditions : as ``cytoimagenet.open`` takes them

    Raises
    ------
    UserError
        Where the package is not local, ``out`` is there, or the format's library is missing.
    PackageError
        Where there is no package, or nothing in it passes.
    ShardError
        Where a shard is not what the manifest says.
    """
    package = Package(place)
    if not package.local:
        raise UserError(f"{place} is not on this machine: download it first, then export the copy")
    target = Path(out)
    if target.exists():
        raise UserError(f"{out} is already there: take another folder")
    open_writer = _writer(file_format)
    selection = select(package, config, filter_of(conditions or {}, "export"), None)
    for shard in selection.shards:
        if sha256_of(package.local_path(shard.path)) != shard.sha256:
            raise package.fault(shard, "its sha256 is not the manifest's")
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    counts = {}
    for split in selection.splits():
        folder = partial / split
        folder.mkdir(parents=True)
        counts[split] = 0
        with open_writer(folder) as write:
            for example in _examples(package, selection, split):
                write(example)
                counts[split] += 1
    (partial / CLASSES).write_text(json.dumps(selection.classes, indent=1, ensure_ascii=False), "utf-8")
    partial.rename(target)
    return counts


def _examples(package: Package, selection: Selection, split: str) -> Iterator[Example]:
    rows = DictRows(selection.features)
    for stream in selection.parts(split):
        for _, row in interleaved(package, stream, {}, rows):
            image, label = row.pop("image"), row.pop("label")
            yield Example(image["bytes"], label, selection.classes[label], row)


def _writer(file_format: str) -> Callable[[Path], contextlib.AbstractContextManager[Write]]:
    """Return a format's writer after checking that its library exists.

    Raises UserError where the library is missing.
    """
    library, writer = WRITERS[file_format]
    if library is not None:
        try:
            importlib.import_module(library)
        except ModuleNotFoundError as missing:
            raise UserError(
                f"{file_format} is written by its own library, and {missing.name} is missing: "
                'pip install "cytoimagenet[export]"'
            ) from None
    return writer


@contextlib.contextmanager
def _imagefolder(folder: Path) -> Iterator[Write]:
    """Write one folder per class and ``metadata.jsonl``.

    The layout is that of torchvision and ``datasets``; the other columns are in ``metadata.jsonl``.
    """
    with (folder / "metadata.jsonl").open("w", encoding="utf-8") as lines:

        def write(example: Example) -> None:
            of_class = example.metadata["path"].rpartition("/")[2]
            path = folder / of_class / example.metadata["filename"]
            path.parent.mkdir(exist_ok=True)
            with path.open("xb") as file:
                file.write(example.png)
            facts = {"file_name": f"{of_class}/{path.name}", "label": example.label, "class": example.name}
            lines.write(json.dumps(facts | example.metadata, ensure_ascii=False) + "\n")

        yield write


@contextlib.contextmanager
def _webdataset(folder: Path) -> Iterator[Write]:
    """Write tar files of .png, .cls and .json.

    .cls is the class id, .json the class and other columns.
    """
    import webdataset

    with webdataset.ShardWriter(f"{folder}/%06d.tar", maxsize=_FILE_BYTES, verbose=0) as writer:

        def write(example: Example) -> None:
            facts = {"class": example.name, **example.metadata}
            key = f"{writer.total:09d}"
            writer.write({"__key__": key, "png": example.png, "cls": example.label, "json": facts})

        yield write


@contextlib.contextmanager
def _mds(folder: Path) -> Iterator[Write]:
    """Write MosaicML shards of image, label, class and metadata.

    The image is PNG bytes, the metadata JSON; the hashes are sha1.
    """
    import streaming

    columns = {"image": "bytes", "label": "int", "class": "str", "metadata": "json"}
    with streaming.MDSWriter(out=str(folder), columns=columns, hashes=["sha1"], size_limit=_FILE_BYTES) as writer:
        yield lambda example: writer.write(
            {"image": example.png, "label": example.label, "class": example.name, "metadata": example.metadata}
        )


@contextlib.contextmanager
def _litdata(folder: Path) -> Iterator[Write]:
    """Write LitData chunks of image, label, class and metadata.

    The image is PNG bytes, the metadata JSON.
    """
    from litdata.streaming.writer import BinaryWriter

    writer = BinaryWriter(str(folder), chunk_bytes=_FILE_BYTES)
    numbers = iter(range(1 << 62))

    def write(example: Example) -> None:
        writer[next(numbers)] = {
            "image": example.png,
            "label": example.label,
            "class": example.name,
            "metadata": json.dumps(example.metadata, ensure_ascii=False),
        }

    yield write
    writer.done()
    writer.merge()


WRITERS: Final[dict[str, tuple[str | None, Callable[[Path], contextlib.AbstractContextManager[Write]]]]] = {
    "imagefolder": (None, _imagefolder),
    "webdataset": ("webdataset", _webdataset),
    "mds": ("streaming", _mds),
    "litdata": ("litdata", _litdata),
}
"""Format -> the module that must be there, and what writes a split."""
