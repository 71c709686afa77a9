"""EXPLAIN: conversations, where the time went."""
