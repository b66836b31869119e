"""Licences of the sources and what each of them allows.

Each has an id for filters and a name for people. Ids are those of the SPDX licence list (https://spdx.org/licenses/);
``LicenseRef-`` marks terms without one. None means that the terms do not say.
"""

from __future__ import annotations

from typing import Final

from builder.sources.base import License


def creative_commons(code: str, version: str) -> License:
    """Return a Creative Commons licence by code (``by-nc``) and version."""
    name = f"CC {code.upper()} {version}"
    url = f"https://creativecommons.org/licenses/{code}/{version}/"
    return License(f"CC-{code.upper()}-{version}", name, url, "nc" not in code, "nd" not in code)


CC0 = License("CC0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/", True, True)
CC_BY_3 = creative_commons("by", "3.0")
CC_BY_4 = creative_commons("by", "4.0")
CC_BY_NC_4 = creative_commons("by-nc", "4.0")
CC_BY_NC_SA_3 = creative_commons("by-nc-sa", "3.0")
CC_BY_NC_SA_4 = creative_commons("by-nc-sa", "4.0")
CC_BY_NC_ND_4 = creative_commons("by-nc-nd", "4.0")
HPA = License(
    "LicenseRef-HPA-competition",
    "Human Protein Atlas usage policy and competition rules: non-commercial, with citation",
    "https://www.proteinatlas.org/about/licence",
    False,
    None,
)
UNSTATED = License("LicenseRef-unstated", "none stated by the source", "", None, None)
UNRESOLVED = License("LicenseRef-unresolved", "stated by the source, not settled which terms apply", "", None, None)
"""There are terms, per image or per copy, but which apply is an open question: another fact than none being stated."""
SIMULATED = License("CC0-1.0", "CC0 1.0 (simulated images)", CC0.url, True, True)

BY_ID: Final = {
    value.id: value for value in (CC0, CC_BY_3, CC_BY_4, CC_BY_NC_4, CC_BY_NC_SA_3, CC_BY_NC_SA_4, CC_BY_NC_ND_4)
}
"""The licences with a text of their own, by SPDX id."""
