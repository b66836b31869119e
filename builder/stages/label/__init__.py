"""Stage 2: which classes exist, and which images belong to them."""

from builder.stages.label.assign import assign_labels

__all__ = ["assign_labels"]
