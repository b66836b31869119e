"""The commands, one module per family: parse, call, print; no logic."""
