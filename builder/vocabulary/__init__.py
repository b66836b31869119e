"""Names of one thing, merged: the reviewed table ``merges.csv``, the rules around it, and a report of what is left."""

from builder.vocabulary.lookalikes import LookAlike, lookalikes
from builder.vocabulary.normalization import Merge, merges, normalize

__all__ = ["LookAlike", "Merge", "lookalikes", "merges", "normalize"]
