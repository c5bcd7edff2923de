"""The command line: each command is a few lines over a verb. `main.py` is the entry; starting loads nothing heavy."""
