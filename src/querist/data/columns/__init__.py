"""Formats of lines and columns: tagged text, triples of graphs, pairs of records. One file a format, read and written; free of torch."""
