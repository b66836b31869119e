"""A small simulated build, from made-up sources to a loaded dataset, offline."""
