"""The published release as a package."""
