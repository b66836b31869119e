"""Channels of a source's images, read from its files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from builder.pixels.normalize import Merged
from builder.recipe import Recipe
from builder.sources import source_at
from builder.sources.base import Image
from builder.sources.common.folder import Folder
from builder.stages.annotate.annotate_source import image_number
from builder.stages.standardize.channels import ChannelReader
from builder.stages.standardize.item import Item

Channels = list[npt.NDArray[Any]]


class SourceImages:
    """Finds images by idx and reads them.

    A source's folder is listed once for all that is asked of it at a time.

    Parameters
    ----------
    data : folder or URL that holds one folder per source
    """

    def __init__(self, data: str, recipe: Recipe, options: dict[str, Any] | None = None) -> None:
        self._data, self._recipe, self._options = data.rstrip("/"), recipe, options or {}

    def records(self, dir_name: str, wanted: set[str]) -> dict[str, Image]:
        """Return the source's records of these idx, those it holds."""
        root = f"{self._data}/{dir_name}"
        numbers = {idx.rpartition("-")[2].zfill(17): idx for idx in wanted}  # no zeros in packages of before
        found: dict[str, Image] = {}
        for image in source_at(root, dir_name, self._options).images(Folder.listed(root, self._options)):
            idx = numbers.get(image_number(image.key))
            if idx is not None:
                found[idx] = image
                if len(found) == len(wanted):
                    break
        return found

    def channels(self, dir_name: str, wanted: set[str]) -> Iterator[tuple[str, Channels]]:
        """Yield idx and channels of images that can be read."""
        if not wanted:
            return
        found = self.records(dir_name, wanted)
        items = [_item(idx, dir_name, found[idx]) for idx in sorted(found)]
        with ChannelReader(self._data, self._options, self._recipe.max_pixels) as reader:
            for item, channels, _, unavailable in reader.read_all(items):
                if unavailable is None and channels:
                    yield item.idx, channels

    def standardised(self, channels: Channels) -> npt.NDArray[np.uint8]:
        """Return the whole image, uint8 (H, W).

        Raises
        ------
        RejectedError
            As the build refuses it: uniform, or channels of several sizes.
        """
        return Merged(channels, self._recipe.low_percentile, self._recipe.high_percentile).quantized()


def _item(idx: str, dir_name: str, image: Image) -> Item:
    files, planes = tuple(c.path for c in image.channels), tuple(c.plane for c in image.channels)
    return Item(idx, dir_name, files, planes, image.region, 0, 0, image.size)
