"""Upload of a finished package to the hub."""
