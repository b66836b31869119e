"""PNG encoding for the builder and decoding for the reader.

Specification: https://www.w3.org/TR/png-3/. ``chunks``, ``deflate_format`` and this package need no compiler; the
other modules load numba when first called.
"""
