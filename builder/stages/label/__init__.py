"""Stage 2: which classes exist and which images they contain."""

from builder.stages.label.assign import assign_labels

__all__ = ["assign_labels"]
