"""LoRA and textual inversion: their files, and networks with them.

How a prompt names them is in :mod:`sdjp.text.tags` and :mod:`sdjp.text.names`.
"""
