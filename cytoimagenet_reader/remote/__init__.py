"""Files of a package on another machine: small ones whole, shards by ranges of bytes that are fetched ahead of need."""
