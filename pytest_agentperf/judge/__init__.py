"""DECIDE: limits, budgets."""
