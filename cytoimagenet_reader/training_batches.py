"""Rows decoded into the batches that a training loop takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from cytoimagenet_reader.decode import decode, decode_resized
from cytoimagenet_reader.errors import ShardError
from cytoimagenet_reader.package import Package
from cytoimagenet_reader.rows import Example
from cytoimagenet_reader.streams import name_key

REPEATED: Final = "repeated"
"""Name of what marks repeats in a batch."""


class Decoded(NamedTuple):
    """A batch before its transform.

    It has a tensor (B, C, H, W), or a list where sizes differ; int64 (B,); columns.
    """

    images: Any
    labels: Any
    extras: dict[str, Any]


class Form(NamedTuple):
    """What batches look like.

    Attributes
    ----------
    decoded : False gives the PNGs, as read-only views of bytes
    size : pixels (H, W); None: as stored
    columns : further columns, each a list of Python values
    repeats : whether to say which examples are repeats
    channels : 1, or 3 of the same values
    dtype : of the images; floats lie in [0, 1] before they are normalised; None: uint8
    normalize : mean and standard deviation, of pixels in [0, 1]
    channels_last : whether images lie in memory pixel by pixel
    transform : called with the images of a batch, or with each where there is no batch or their sizes differ, in the
        order of batches, in the thread that iterates
    keys : names of images and labels in a batch that is a dict; None: a tuple
    """

    decoded: bool = True
    size: tuple[int, int] | None = None
    columns: tuple[str, ...] = ()
    repeats: bool = False
    channels: int = 1
    dtype: Any = None
    normalize: tuple[float, float] | None = None
    channels_last: bool = False
    transform: Callable[[Any], Any] | None = None
    keys: tuple[str, str] | None = None

    def decode(self, package: Package, rows: Sequence[tuple[int, Example]], fresh: int) -> Decoded:
        """Return the decoded rows; any thread may call it.

        Rows from ``fresh`` on are repeats.

        Raises
        ------
        ShardError
            Where an image is damaged; it names the example.
        """
        import torch

        images = self._images(package, rows) if self.decoded else [example.data for _, example in rows]
        extras: dict[str, Any] = {
            name: [example.extras[n] for _, example in rows] for n, name in enumerate(self.columns)
        }
        if self.repeats:
            extras[REPEATED] = torch.arange(len(rows)) >= fresh
        return Decoded(images, torch.tensor([example.label for _, example in rows], dtype=torch.int64), extras)

    def _images(self, package: Package, rows: Sequence[tuple[int, Example]]) -> Any:
        import torch

        out = None if self.size is None else np.empty((len(rows), 1, *self.size), np.uint8)
        plain = []
        for i, (key, example) in enumerate(rows):
            try:
                if out is None or self.size is None:
                    plain.append(decode(example.data))
                else:
                    decode_resized(example.data, self.size, out[i, 0])
            except ValueError as error:
                where = f"{package.place}: {name_key(key)}"
                raise ShardError(f"{where}: {error}; run cytoimagenet verify") from error
        return [self._single(image) for image in plain] if out is None else self._converted(torch.from_numpy(out))

    def batch(self, decoded: Decoded) -> Any:
        """Return a batch as a tuple or a dict.

        It is (images, labels), with a dict of what else is asked for; or one dict with all.
        """
        images, labels, extras = decoded
        if self.transform is not None and isinstance(images, list):
            images = _stacked([self.transform(image) for image in images])
        elif self.transform is not None:
            images = self.transform(images)
        return self._named(self._laid_out(images), labels, extras)

    def examples(self, decoded: Decoded) -> Iterator[Any]:
        """Yield a batch's examples, each without the first dimension.

        Apart from that, each has the form of a batch. The transform is called with one image.
        """
        images = self._laid_out(decoded.images) if self.transform is None else decoded.images
        for number, (image, label) in enumerate(zip(images, decoded.labels, strict=True)):
            if self.transform is not None:
                image = self.transform(image)
            yield self._named(image, label, {name: values[number] for name, values in decoded.extras.items()})

    def _laid_out(self, images: Any) -> Any:
        if not self.channels_last or isinstance(images, list):
            return images
        import torch

        return images.contiguous(memory_format=torch.channels_last)

    def _named(self, images: Any, labels: Any, extras: dict[str, Any]) -> Any:
        if self.keys is not None:
            return {self.keys[0]: images, self.keys[1]: labels, **extras}
        return (images, labels, extras) if extras else (images, labels)

    def _single(self, image: np.ndarray[Any, Any]) -> Any:
        """Return an image as stored.

        It is (H, W) as it is decoded, (C, H, W) where it is converted or will be transformed.
        """
        import torch

        plain = self.channels == 1 and self.dtype is None and self.transform is None
        found = torch.from_numpy(image)
        return found if plain else self._converted(found[None, None])[0]

    def _converted(self, images: Any) -> Any:
        """Return images in the requested channels, type and scale.

        ``images`` is uint8 (B, 1, H, W).
        """
        import torch

        if self.dtype is not None and self.dtype.is_floating_point:
            mean, deviation = self.normalize or (0.0, 1.0)
            images = images.to(torch.float32).mul_(1 / (255 * deviation)).sub_(mean / deviation).to(self.dtype)
        elif self.dtype is not None:
            images = images.to(self.dtype)
        return images if self.channels == 1 else images.expand(-1, self.channels, -1, -1)


def _stacked(images: list[Any]) -> Any:
    """Return images of one shape as one tensor.

    Others are returned as they are.
    """
    import torch

    alike = len({tuple(getattr(image, "shape", ())) for image in images}) == 1
    return torch.stack(images) if alike and all(isinstance(image, torch.Tensor) for image in images) else images
