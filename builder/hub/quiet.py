"""Control of the hub client's log and progress bars."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from builder.escape import PrintableFormatter


@contextlib.contextmanager
def quiet_client() -> Iterator[None]:
    """Escape the client's log and hide its progress bars.

    URLs lose their queries. Bars stay where stderr is a terminal and ``-q`` is not given. The previous settings are
    restored at the end.
    """
    client = logging.getLogger("huggingface_hub")
    handlers = [*client.handlers, *logging.getLogger().handlers]
    before = [handler.formatter for handler in handlers]
    for handler in handlers:
        handler.setFormatter(PrintableFormatter("%(message)s"))
    watched = sys.stderr.isatty() and logging.getLogger("builder").isEnabledFor(logging.INFO)
    silence = not watched and not are_progress_bars_disabled()
    if silence:
        disable_progress_bars()
    try:
        yield
    finally:
        for handler, formatter in zip(handlers, before, strict=True):
            handler.setFormatter(formatter)
        if silence:
            enable_progress_bars()
