"""Texts that answer a prompt."""
