"""CytoImageNet for training: a package that ``cytoimagenet build`` wrote, as a dataset.

``CytoImageNet`` streams or prepares a package from any place that fsspec reads (a folder, ``hf://``, ``s3://``,
``http(s)://``), with subsets by label, source, licence or column; ``open`` memory-maps a local package at once,
without a copy; ``loader`` gives batches for training; ``decode`` turns the package's PNGs into arrays.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import datasets

try:  # datasets 3 looks for unindented imports only
    from cytoimagenet_reader import __version__
    from cytoimagenet_reader.decode import decode, decode_batch, decode_resized
    from cytoimagenet_reader.errors import PackageError, ShardError
    from cytoimagenet_reader.loader import Loader, loader
    from cytoimagenet_reader.mapped import open  # noqa: A004 -- cytoimagenet.open, as builtins.open opens a file
    from cytoimagenet_reader.package import CATEGORIES, FULL, Package
    from cytoimagenet_reader.streaming import PackageSplits, StreamedExamples
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"{error}: pip install cytoimagenet", name=error.name) from error

__all__ = [
    "CATEGORIES",
    "FULL",
    "CytoImageNet",
    "CytoImageNetConfig",
    "Loader",
    "Package",
    "PackageError",
    "ShardError",
    "__version__",
    "decode",
    "decode_batch",
    "decode_resized",
    "loader",
    "open",
]

_patched_for_streaming = True  # datasets would put its own open() and os.path into this module; it needs neither
_CONDITIONS = ("labels", "sources", "databases", "microscopy", "licenses", "commercial_use", "crops")


@dataclasses.dataclass
class CytoImageNetConfig(datasets.BuilderConfig):  # type: ignore[misc]  # datasets has no types
    """A config: which examples, and which of their columns.

    Parameters
    ----------
    labels : class names
    sources : ``dir_name`` of sources, for instance ``bbbc022``
    databases : BBBC, CIL, IDR, Kaggle, Recursion
    microscopy : one or several kinds, for instance ``fluorescence``
    licenses : ids as in the column ``license``, for instance ``CC-BY-4.0``
    commercial_use : only examples of sources whose terms allow commercial use
    columns : names of the columns to read; all by default
    crops : True for crops only, False for whole images only, None for both
    """

    labels: list[str] | None = None
    sources: list[str] | None = None
    databases: list[str] | None = None
    microscopy: list[str] | None = None
    licenses: list[str] | None = None
    commercial_use: bool = False
    columns: list[str] | None = None
    crops: bool | None = None


class CytoImageNet(datasets.GeneratorBasedBuilder):  # type: ignore[misc]  # datasets has no types
    """CytoImageNet from a package: ``CytoImageNet("organism", data_dir=...)``.

    Then ``as_streaming_dataset(split="train")`` reads as it goes, and ``download_and_prepare()`` with
    ``as_dataset()`` keep a copy in the cache of ``datasets``. ``labels=`` and the other fields of
    ``CytoImageNetConfig`` narrow it down. For a local package ``cytoimagenet.open`` needs no copy.

    Raises
    ------
    PackageError
        Where ``data_dir`` is no package, or it has nothing of what was asked for.
    """

    VERSION = datasets.Version("1.0.0")
    BUILDER_CONFIG_CLASS = CytoImageNetConfig
    BUILDER_CONFIGS = [CytoImageNetConfig(name=name, version=datasets.Version("1.0.0")) for name in (FULL, *CATEGORIES)]  # noqa: RUF012 -- as datasets declares it
    DEFAULT_CONFIG_NAME = FULL
    DEFAULT_WRITER_BATCH_SIZE = 100  # rows with images, held in memory

    def __init__(self, config_name: str | None = None, *, data_dir: Any = None, **options: Any) -> None:
        if data_dir is not None:
            data_dir = os.fspath(data_dir)
        super().__init__(config_name=config_name, data_dir=data_dir, **options)

    def _splits(self) -> PackageSplits:
        if not self.config.data_dir:
            raise PackageError('where is the package? give data_dir="folder or URL of the built package"')
        options = dict(self.storage_options)
        if self.token and self.config.data_dir.startswith("hf://"):
            options["hf"] = {**options.get("hf", {}), "token": self.token}
        conditions = {name: getattr(self.config, name) for name in _CONDITIONS}
        return PackageSplits(self.config.data_dir, options, self.config.name, conditions, self.config.columns)

    def _info(self) -> datasets.DatasetInfo:
        description = "Weakly labelled microscopy images for pretraining (arXiv 2111.11646)"
        return datasets.DatasetInfo(description=description, features=self._splits().features)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        found = self._splits().arguments(dl_manager)
        return [datasets.SplitGenerator(name=split, gen_kwargs=arguments) for split, arguments in found.items()]

    def _generate_examples(self, **arguments: Any) -> Iterator[tuple[int, dict[str, Any]]]:
        return PackageSplits.examples(self.info.features, **arguments)

    def _get_examples_iterable_for_split(self, split_generator: datasets.SplitGenerator) -> StreamedExamples:
        return StreamedExamples(self._generate_examples, split_generator.gen_kwargs, typed_as=self.info.features)
