"""The entities that a query leads to."""
