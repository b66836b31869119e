"""Downloads of public sources, resumable and checked."""
