"""What a package calls itself: title, citation, licence, tags, DOI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from builder.sources.common.licenses import BY_ID

NAME: Final = "CytoImageNet"
PAPER: Final = "Hua, Lu & Moses, CytoImageNet, LMRL workshop at NeurIPS 2021, arXiv:2111.11646"
PAPER_URL: Final = "https://arxiv.org/abs/2111.11646"
_TAGS: Final = ("microscopy", "biology", "bioimage", "cell", "weak-labels", "pretraining", "croissant")


class Identity(NamedTuple):
    """Names of a package; '' where the recipe leaves them.

    ``name`` is the title, or CytoImageNet; ``slug`` what a repository or folder of it is called in examples.
    """

    name: str
    slug: str
    own: bool
    description: str
    citation: str
    license: str
    tags: tuple[str, ...]
    doi: str

    @property
    def license_url(self) -> str:
        """Return the text of a known licence, or ''."""
        known = BY_ID.get(self.license)
        return known.url if known else ""


def identity_of(manifest: Mapping[str, Any]) -> Identity:
    """Return what a manifest's recipe says of the package."""
    recipe = manifest["recipe"]
    title = one_line(str(recipe.get("title", "")))
    extra = [one_line(str(tag)) for tag in recipe.get("tags", ())]
    tags = dict.fromkeys(tag for tag in (*(["simulated"] if manifest["simulated"] else []), *extra, *_TAGS) if tag)
    return Identity(
        name=title or NAME,
        slug=re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "cytoimagenet",
        own=bool(title),
        description=one_line(str(recipe.get("description", ""))),
        citation=one_line(str(recipe.get("citation", ""))),
        license=one_line(str(recipe.get("license", ""))),
        tags=tuple(tags),
        doi=str(recipe.get("doi", "")),
    )


def one_line(text: str) -> str:
    """Return a text without line breaks and repeated blanks."""
    return " ".join(text.split())
