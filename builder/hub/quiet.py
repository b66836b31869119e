"""What the hub's client writes while we push: no signed URL in its warnings, and no bars where nobody watches."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from builder.escape import PrintableFormatter


@contextlib.contextmanager
def quiet_client() -> Iterator[None]:
    """Have the client's log escaped and without the queries of URLs, and its bars only where stderr is a terminal.

    Bars are off too where ``-q`` asks for warnings only. What was set before is set again at the end.
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
