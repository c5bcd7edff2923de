"""Several answers per item, each of which may be missing."""
