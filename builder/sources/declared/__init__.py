"""Sources that a ``source.toml`` in their folder declares, without Python."""
