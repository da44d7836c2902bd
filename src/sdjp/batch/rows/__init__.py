"""Files of rows: opened wherever they are, cut into rows, and each value made what its option takes."""
