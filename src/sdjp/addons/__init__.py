"""LoRA and textual inversion: their files, and copies of networks with what is in them.

How a prompt names them is in :mod:`sdjp.text.tags` and :mod:`sdjp.text.names`.
"""

from sdjp.addons.equip import Addons, Equipped, Networks

__all__ = ["Addons", "Equipped", "Networks"]
