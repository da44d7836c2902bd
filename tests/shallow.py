"""A model of two levels: where it does not matter how deep the networks are, it draws in half the time."""

from __future__ import annotations

import dataclasses
from typing import Any

from sdjp.config import ModelConfig
from sdjp.pipeline import Pipeline
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from tests.conftest import SMALL, random_models

# As in the tiny model, a latent cell is 8 by 8 pixels, and a deep part whose features may be reused.
SHALLOW = dataclasses.replace(
    SMALL,
    unet=dataclasses.replace(SMALL.unet, channel_mult=(1, 2), attention=(True, True), num_res_blocks=1),
    vae=dataclasses.replace(SMALL.vae, ch=16, num_res_blocks=1, norm_groups=16),
)


def random_pipeline(config: ModelConfig = SHALLOW, **parts: Any) -> Pipeline:
    """A whole pipeline with random weights and no post-processors."""
    tokenizer, translator = ClipTokenizer.from_assets(), make_translator("lexicon")
    return Pipeline(random_models(config), **{"tokenizer": tokenizer, "translator": translator, **parts})
