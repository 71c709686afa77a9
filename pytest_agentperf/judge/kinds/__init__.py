"""What can be otherwise than in a baseline, a module a family."""
