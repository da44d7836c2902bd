"""The network of a safety checker: how near pictures lie to concepts, in the space that CLIP
gives pictures and texts.

Axes: B batch, P width of that space, N concepts, S special concepts.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdjp.config import Concept, SafetyCheckerConfig
from sdjp.models.clip_vision import CLIPVision


class Cosines(NamedTuple):
    """Cosines between pictures and concepts."""

    concepts: Tensor
    """(B, N) float32."""
    special: Tensor
    """(B, S) float32."""


class SafetyChecker(nn.Module):
    """An image encoder, and concepts as points of its space, each with a threshold (CompVis, diffusers).

    What follows from a cosine above its threshold is for the caller to say; see
    :mod:`sdjp.postprocess.safety`.

    Args:
        vision: The image encoder.
        projection: P.
        concepts: Names of the N concepts.
        special: Names of the S special concepts.
    """

    def __init__(
        self,
        vision: CLIPVision,
        *,
        projection: int,
        concepts: tuple[Concept, ...],
        special: tuple[Concept, ...],
    ) -> None:
        super().__init__()
        self.vision = vision
        self.concept_names = concepts
        self.special_names = special
        self.concepts = nn.Parameter(torch.ones(len(concepts), projection))
        self.special = nn.Parameter(torch.ones(len(special), projection))
        self.concept_thresholds = nn.Parameter(torch.ones(len(concepts)))
        self.special_thresholds = nn.Parameter(torch.ones(len(special)))

    @classmethod
    def from_config(cls, config: SafetyCheckerConfig) -> SafetyChecker:
        """Build the checker that ``config`` describes; no picture reaches its thresholds of 1."""
        return cls(
            CLIPVision.from_config(config.vision),
            projection=config.vision.projection,
            concepts=config.concepts,
            special=config.special,
        )

    @property
    def image_size(self) -> int:
        """Side of the square that it looks at, in pixels."""
        return self.vision.image_size

    def forward(self, pixels: Tensor) -> Cosines:
        """Compare pixels (B, 3, H, W), scaled as :func:`sdjp.images.clip_pixels` does, with each concept."""
        x = F.normalize(self.vision(pixels), dim=-1)  # (B, P)
        return Cosines(
            concepts=(x @ F.normalize(self.concepts, dim=-1).T).float(),
            special=(x @ F.normalize(self.special, dim=-1).T).float(),
        )
