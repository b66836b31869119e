"""An offline simulated build, from sources to a loaded dataset."""
