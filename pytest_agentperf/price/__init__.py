"""COUNT: what a call cost, and its tokens where the wire does not say."""
