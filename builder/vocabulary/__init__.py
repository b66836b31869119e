"""Names for one thing, merged, as data with reasons."""
