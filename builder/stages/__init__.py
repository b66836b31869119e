"""The pipeline, one module a stage: annotate, label, standardize, select, shard."""
