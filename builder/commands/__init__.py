"""The commands, a module a family: parse, call, print; no logic."""
