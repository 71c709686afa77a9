"""A linter for agents: one file a rule, and `table.py`."""
