"""Pipeline stages: annotate, label, standardize, select and shard."""
