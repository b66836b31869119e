"""Builds CytoImageNet packages: annotate, label, standardize, select, shard."""

__version__ = "0.1.0"
