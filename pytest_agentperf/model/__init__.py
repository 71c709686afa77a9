"""The nouns: frozen values that the rooms hand to each other. Standard library only, no behaviour beyond arithmetic."""
