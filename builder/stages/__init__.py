"""The pipeline, one module per stage: annotate, label, standardize, select, shard."""
