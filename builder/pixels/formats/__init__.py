"""One module a kind of file: whether bytes are of that kind, and the plane that they hold."""
