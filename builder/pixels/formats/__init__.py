"""Readers of image files, one module per format.

Each says whether bytes are of its kind, and decodes the plane that they hold.
"""

from __future__ import annotations

import logging

_log = logging.getLogger("imagecodecs")  # logs each oddity of a file; what matters of that is in the reject
_log.propagate = False
_log.addHandler(logging.NullHandler())
