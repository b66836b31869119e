"""Real tables whose images are not at hand.

The table is read, its files are only named.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from builder.sources import get_source
from builder.sources.common.folder import Folder
from tests.sources.case_checks import Row, normalised


def rows_of(root: Path, dir_name: str, files: Iterable[str]) -> dict[str, Row]:
    """Return key -> row of a source with added files.

    Its folder holds what lies below ``root`` and, by name only, ``files``.
    """
    real = Folder.listed(str(root))
    folder = Folder(str(root), {**dict.fromkeys(real.paths(), 1), **dict.fromkeys(files, 1)})
    source = get_source(dir_name)
    return {image.key: normalised(source, image) for image in source.images(folder)}
