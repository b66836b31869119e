"""Arrays in, arrays out: read, standardise, crop, judge, encode. Knows no table and no label."""
