"""Stage 1: one table of images for each source."""
