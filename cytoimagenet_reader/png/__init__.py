"""The PNG format (https://www.w3.org/TR/png-3/): what the builder encodes and the reader decodes.

``chunks``, ``deflate_format`` and this package import no compiler; the other modules import numba.
"""
