"""One file for each HTTP stack, and what they share. A tap never changes what the client gets to see."""
