# The types of cytoimagenet.py: a module that is one file has no place for py.typed (PEP 561), a stub package has.
import os
from dataclasses import dataclass
from typing import Any

from datasets import BuilderConfig, GeneratorBasedBuilder

from cytoimagenet_reader.decode import decode as decode
from cytoimagenet_reader.decode import decode_batch as decode_batch
from cytoimagenet_reader.decode import decode_resized as decode_resized
from cytoimagenet_reader.errors import PackageError as PackageError
from cytoimagenet_reader.errors import ShardError as ShardError
from cytoimagenet_reader.make_loader import Loader as Loader
from cytoimagenet_reader.make_loader import loader as loader
from cytoimagenet_reader.mapped import open as open  # noqa: A004
from cytoimagenet_reader.package import Package as Package
from cytoimagenet_reader.views import image_views as image_views

__all__ = ["CATEGORIES", "FULL", "CytoImageNet", "CytoImageNetConfig", "Loader", "Package", "PackageError", "open"]
__all__ += ["ShardError", "__version__", "decode", "decode_batch", "decode_resized", "image_views", "loader"]

__version__: str
CATEGORIES: tuple[str, ...]
FULL: str

@dataclass
class CytoImageNetConfig(BuilderConfig):
    labels: list[str] | None = None
    sources: list[str] | None = None
    databases: list[str] | None = None
    microscopy: list[str] | None = None
    licenses: list[str] | None = None
    batches: list[str] | None = None
    wells: list[str] | None = None
    controls: list[str] | None = None
    timepoints: list[str] | None = None
    commercial_use: bool = False
    columns: list[str] | None = None
    crops: bool | None = None
    label_ids: str | None = None
    where: dict[str, Any] | None = None

class CytoImageNet(GeneratorBasedBuilder):
    def __init__(
        self,
        config_name: str | None = None,
        *,
        data_dir: str | os.PathLike[str] | None = None,
        revision: str | None = None,
        **options: Any,
    ) -> None: ...
