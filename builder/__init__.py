"""Builds CytoImageNet packages: annotate, label, standardize, select, shard."""

from cytoimagenet_reader import __version__

__all__ = ["__version__"]
