"""Stage 4: which candidates make the package."""
