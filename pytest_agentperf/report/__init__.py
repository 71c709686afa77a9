"""TELL: reports of a run."""
