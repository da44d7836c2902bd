"""Modules of diffusers from and to ours: the same memory under other names."""
