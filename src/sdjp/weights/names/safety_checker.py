"""Names of a safety checker's tensors: ours, and those of CompVis' file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sdjp.config import SafetyCheckerConfig
from sdjp.weights.names.clip_vision import vision_names

OWN: Final = {
    "concepts": "concept_embeds",
    "special": "special_care_embeds",
    "concept_thresholds": "concept_embeds_weights",
    "special_thresholds": "special_care_embeds_weights",
}


def tensor_names(config: SafetyCheckerConfig) -> Iterator[tuple[str, str]]:
    """Give our name and the file's name of each tensor of a checker."""
    yield from OWN.items()
    for ours, theirs in vision_names(config.vision.layers):
        yield f"vision.{ours}", theirs
