"""A tag for every token of a text."""
