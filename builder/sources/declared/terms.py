"""The licence that a declaration states.

A known one by its SPDX identifier, or the owner's own words.
"""

from __future__ import annotations

import re
from typing import Final

from builder.sources.base import License
from builder.sources.common import licenses
from builder.sources.declared.declaration import Declaration

_KNOWN: Final = {
    value.id.lower(): value
    for value in vars(licenses).values()
    if isinstance(value, License) and value is not licenses.SIMULATED
}
_COMMONS: Final = re.compile(r"cc-(by(?:-nc)?(?:-sa|-nd)?)-(\d\.\d)")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9.+-]+")


def license_of(declared: Declaration) -> License:
    """Return the declared licence.

    One that is not declared is unstated, never guessed.
    """
    if not declared.license:
        return licenses.UNSTATED
    spelled = re.sub(r"[\s_]+", "-", declared.license.strip().lower())
    known = _KNOWN.get(spelled)
    if known is None and (match := _COMMONS.fullmatch(spelled)):
        known = licenses.creative_commons(match[1], match[2])
    if known is None:
        known = License(_identifier(declared.license), declared.license, declared.license_url, None, None)
    if declared.commercial_use is not None:
        known = known._replace(commercial_use=declared.commercial_use)
    return known if declared.derivatives is None else known._replace(derivatives=declared.derivatives)


def _identifier(text: str) -> str:
    if _IDENTIFIER.fullmatch(text):
        return text
    return "LicenseRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-")[:60]
