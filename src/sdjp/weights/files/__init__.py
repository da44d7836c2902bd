"""Files of tensors: read without running anything, written in one step."""
