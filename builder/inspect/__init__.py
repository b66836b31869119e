"""Views of a build: plan, classes, diff, trace."""
