"""Which sources are there: the folders of DATA, by name."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from builder.engine.store import Store
from builder.errors import UserError
from builder.sources import source_names
from builder.sources.base import Source

log = logging.getLogger(__name__)

SIMULATED_MARK = "SIMULATED.txt"
"""A file of this name in DATA says that its images are simulated; the package then says so everywhere."""


def present_sources(
    data: str, sources: Iterable[Source], options: dict[str, Any] | None = None
) -> list[tuple[Source, str]]:
    """Return (source, its folder) of each source that DATA holds; those that are absent are named.

    Raises
    ------
    UserError
        Where DATA is no folder, or holds none of the sources.
    """
    try:
        folders = set(Store(data, options).folders())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{data} is no folder; DATA holds one folder per source, as `cytoimagenet sources` lists"
        ) from None
    present, absent = [], []
    for source in sources:
        if source.dir_name in folders:
            present.append((source, f"{data.rstrip('/')}/{source.dir_name}"))
        else:
            absent.append(source.dir_name)
    if not present:
        raise UserError(f"{data} holds none of the folders {', '.join(absent[:8])}{' …' * (len(absent) > 8)}")
    strange = sorted(folders - set(source_names()))
    if strange:
        log.warning("not the name of a source, skipped: %s", ", ".join(strange))
    if absent:
        log.info("absent, skipped: %s", ", ".join(absent))
    return present


def is_simulated(data: str, options: dict[str, Any] | None = None) -> bool:
    """Return whether DATA was made by `demo`."""
    return Store(data, options).exists(SIMULATED_MARK)
