"""The explorer: a folder of static pages about a package."""
