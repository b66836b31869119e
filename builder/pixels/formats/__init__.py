"""One module per kind of file: whether bytes are of that kind, and the plane that they hold."""

from __future__ import annotations

import logging

_log = logging.getLogger("imagecodecs")  # logs each oddity of a file; what matters of that is in the reject
_log.propagate = False
_log.addHandler(logging.NullHandler())
