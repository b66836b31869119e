"""Synonyms to merge and names that give no class.

Reviewed tables, the rules around them, and a report of what is left: ``merges.csv`` (any category), ``compounds.csv``
(by structure), ``no_class.csv`` (tokens that give no label).
"""

from builder.vocabulary.compounds import Compound, compounds
from builder.vocabulary.lookalikes import LookAlike, lookalikes
from builder.vocabulary.no_class import NoClass, no_classes, why_no_class
from builder.vocabulary.normalization import Merge, merges, normalize

__all__ = [
    "Compound",
    "LookAlike",
    "Merge",
    "NoClass",
    "compounds",
    "lookalikes",
    "merges",
    "no_classes",
    "normalize",
    "why_no_class",
]
