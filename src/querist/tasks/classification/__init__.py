"""One class per item."""
