"""Tables that rename tensors between layouts.

How to add one:

1. Write ``<layout>.py`` here: a function ``rows(config)`` that yields a
   :class:`~sdjp.weights.names.keymap.Row` for every module of the three networks.
   ``ldm.py`` is the model to follow.
2. Add one line to :data:`MAPS` below, with the kinds of text encoders that it has rows for.
3. Run ``pytest tests/contract/test_maps.py``: it finds the new table by itself.
4. Teach ``checkpoint.py`` to recognise the layout, and ``convert.py`` to write it, if it should.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sdjp.weights.names.keymap import Layout
from sdjp.weights.names.maps import diffusers, ldm

MAPS: Final[Mapping[str, Layout]] = {
    "ldm": Layout(
        rows=ldm.rows,
        texts=("clip", "bert"),
        aliases=ldm.ALIASES,
        ignored=ldm.IGNORED,
        networks=(ldm.UNET, ldm.VAE, "cond_stage_model."),
        text_layer=ldm.TEXT_LAYER,
        ema=ldm.ema,
    ),
    "diffusers": Layout(
        rows=diffusers.rows,
        texts=("clip", "xlm_roberta"),
        aliases=diffusers.ALIASES,
        ignored=diffusers.IGNORED,
        networks=("unet/", "vae/", "text_encoder/"),
        text_layer=diffusers.TEXT_LAYER,
    ),
}
