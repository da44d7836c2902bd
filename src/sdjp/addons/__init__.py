"""LoRA, textual inversion and IP-Adapter: their files, and copies of networks with what is in them.

How a prompt names the first two is in :mod:`sdjp.text.tags` and :mod:`sdjp.text.names`.
"""

from sdjp.addons.equip import Addons, Equipped, Networks
from sdjp.addons.image_prompt import ImagePrompter, ImagePromptFiles

__all__ = ["Addons", "Equipped", "ImagePromptFiles", "ImagePrompter", "Networks"]
