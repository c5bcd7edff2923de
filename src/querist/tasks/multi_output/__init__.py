"""Several yes-or-no answers per item, each of which may be missing."""
