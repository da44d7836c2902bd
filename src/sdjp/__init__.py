"""Japanese-first Stable Diffusion v1."""
