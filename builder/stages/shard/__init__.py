"""Stage 5: the package's shards."""
