"""Readers: each makes a `Graph` of a file of one format. None runs anything of a file."""
