"""Annotated data in the formats that others write: one file a format, into a pool with label values and back."""
