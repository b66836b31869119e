"""Which sources are there: the folders of DATA, by name."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from builder.engine.store import Store
from builder.errors import UserError
from builder.sources import DECLARATION, source_names
from builder.sources.base import Source

log = logging.getLogger(__name__)

SIMULATED_MARK = "SIMULATED.txt"
"""A file of this name in DATA says that its images are simulated; the package then says so everywhere."""


def located(data: str, only: Sequence[str] = (), options: dict[str, Any] | None = None) -> tuple[str, tuple[str, ...]]:
    """Return DATA and the sources to take.

    A folder that is itself a declared source is taken from the one above it.

    Raises
    ------
    UserError
        Where such a folder is asked for another source, or lies in none.
    """
    if not Store(data, options).exists(DECLARATION):
        return data, tuple(only)
    above, _, name = Store(data, options).url.rpartition("/")
    if not name or above.endswith("/"):
        raise UserError(f"{data} is a declared source at the top of a bucket or disk; move it into a folder of its own")
    if only and set(only) != {name}:
        raise UserError(f"{data} is the one source {name} (it holds {DECLARATION}), not {', '.join(only)}")
    return above, (name,)


def present_sources(
    data: str, sources: Iterable[Source], options: dict[str, Any] | None = None, others: Iterable[str] = ()
) -> list[tuple[Source, str]]:
    """Return (source, its folder) of each source that DATA holds.

    Absent sources are named.

    Parameters
    ----------
    others : names of folders that are known beside ``sources``

    Raises
    ------
    UserError
        Where DATA is not a folder, or holds none of the sources.
    """
    try:
        folders = set(Store(data, options).folders())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{data} is not a folder; DATA holds one folder per source, as `cytoimagenet sources` lists"
        ) from None
    present, absent = [], []
    for source in sources:
        if source.dir_name in folders:
            present.append((source, f"{data.rstrip('/')}/{source.dir_name}"))
        else:
            absent.append(source.dir_name)
    if not present:
        raise UserError(
            f"{data} holds none of the folders {', '.join(absent[:8])}{' …' * (len(absent) > 8)}; a folder of your own "
            f"images becomes a source with a {DECLARATION} in it"
        )
    strange = sorted(folders - set(source_names()) - {source.dir_name for source, _ in present} - set(others))
    if strange:
        log.warning("neither the name of a source nor declared by a source.toml, skipped: %s", ", ".join(strange))
    if absent:
        log.info("absent, skipped: %s", ", ".join(absent))
    return present


def is_simulated(data: str, options: dict[str, Any] | None = None) -> bool:
    """Return whether DATA was made by `demo`."""
    return Store(data, options).exists(SIMULATED_MARK)
