"""Reads a made-up folder as declared.

It gives the images by key, and what the notes say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from builder.sources import source_at
from builder.sources.base import Image
from builder.sources.common.folder import Folder
from tests.sources.files import write_text


def declare(root: Path, text: str) -> None:
    """Write a declaration; its title does not matter."""
    write_text(root / "source.toml", f'title = "Ours"\n{text}')


def touch(root: Path, paths: Iterable[str]) -> None:
    """Make empty files: annotation opens none."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def read(root: Path) -> tuple[dict[str, Image], Mapping[str, int]]:
    """Return a declared folder's images by key, and note counts."""
    folder = Folder.listed(str(root))
    images = list(source_at(str(root), root.name).images(folder))
    by_key = {image.key: image for image in images}
    assert len(by_key) == len(images), "keys that come twice"
    return by_key, folder.notes.counts


def files_of(image: Image) -> list[str]:
    return [channel.path for channel in image.channels]
