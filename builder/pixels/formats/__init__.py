"""One module per kind of file: whether bytes are of that kind, and the plane that they hold."""

from __future__ import annotations

import logging

for _library in ("tifffile", "imagecodecs"):  # they log each oddity of a file; what matters of that is in the reject
    logging.getLogger(_library).propagate = False
    logging.getLogger(_library).addHandler(logging.NullHandler())
