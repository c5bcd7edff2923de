"""Boxes with a class each."""
