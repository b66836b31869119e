"""Command modules by family: parse, call, print; no logic."""
