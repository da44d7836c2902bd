"""What a test knows of a value and its type does not say; it fails here where that is not so."""

from __future__ import annotations

from torch import Tensor

from sdjp.config import CLIPTextConfig, TextConfig
from sdjp.result import GenerationResult


def latents(result: GenerationResult) -> Tensor:
    """The latents that the result of a whole run has kept."""
    assert result.latents is not None
    return result.latents


def clip_text(config: TextConfig) -> CLIPTextConfig:
    """The text encoder's configuration, of a model that has CLIP's."""
    assert isinstance(config, CLIPTextConfig)
    return config
