"""Where the templates of card and report lie."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from builder.errors import UserError

_HERE: Final = Path(__file__).resolve().parent
_NAME: Final = "dataset_card"
_CARD: Final = "README.md.j2"


def template_folder() -> Path:
    """Return the folder of templates.

    It is inside ``builder`` in an installed wheel, beside it in a checkout.

    Raises
    ------
    UserError
        Where neither holds the card's template.
    """
    for folder in (_HERE / _NAME, _HERE.parent / _NAME):
        if (folder / _CARD).is_file():
            return folder
    raise UserError(f"the card's template is missing: {_HERE / _NAME / _CARD}; install cytoimagenet again")
