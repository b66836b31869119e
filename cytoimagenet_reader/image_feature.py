"""The ``image`` feature, whose errors name the damaged example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import datasets

from cytoimagenet_reader import layout
from cytoimagenet_reader.errors import ShardError
from cytoimagenet_reader.remote.files import read_columns

_MOST_NAMED = 3


class PackageImage(datasets.Image):  # type: ignore[misc]  # datasets has no types
    """An image feature that equals any other Image feature.

    It is written as one, too.
    """

    def __init__(self, place: str, storage_options: Mapping[str, Any]) -> None:
        super().__init__()
        self.place, self.storage_options = place, dict(storage_options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, datasets.Image) and (self.mode, self.decode) == (other.mode, other.decode)

    def __repr__(self) -> str:
        return repr(datasets.Image(mode=self.mode, decode=self.decode))

    __hash__ = None  # type: ignore[assignment]  # as datasets.Image has none

    def decode_example(self, value: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return the image as Pillow gives it.

        Raises
        ------
        ShardError
            Where it is damaged.
        """
        try:
            return super().decode_example(value, *args, **kwargs)
        except Exception as error:  # whatever Pillow makes of damaged bytes
            name = value.get("path")
            where = f"{self.place}: {', '.join(self._places(name)) or 'example'} ({name})"
            raise ShardError(f"{where}: {type(error).__name__}: {error}; run cytoimagenet verify --deep") from error

    def _places(self, name: str | None) -> list[str]:
        """Return the shards and rows of a file name."""
        columns = ["filename", "shard", "position"]
        table = read_columns(f"{self.place}/{layout.METADATA_TABLE}", self.storage_options, columns)
        found = [row for row in table.to_pylist() if row["filename"] == name]
        return [f"{row['shard']} row {row['position']}" for row in found[:_MOST_NAMED]]
