"""A folder of images looked at, to propose a ``source.toml``."""
