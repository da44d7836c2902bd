"""``--verify``: whether everything that a job recorded is true, and what crashes have left."""
