"""One or several numbers per item."""
