"""Stage 3: candidate examples as 8-bit grayscale PNG."""
