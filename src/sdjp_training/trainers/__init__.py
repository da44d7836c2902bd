"""One training a file: the networks of the embedded model and those that judge it."""
