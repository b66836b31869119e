"""Files of a package on another machine.

Small files are read whole, shards by ranges of bytes that are fetched ahead of need.
"""
