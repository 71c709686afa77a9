"""READ: what an HTTP exchange with a model says. One module a wire format; `decoder.decode` is the only door."""
