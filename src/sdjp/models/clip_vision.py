"""The CLIP image encoder (Radford et al. 2021, section 2.4; ViT of Dosovitskiy et al. 2021).

Axes: B batch, L tokens (one of the class, then one of each patch), D width, P width of the shared space.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from sdjp.config import Activation, CLIPVisionConfig
from sdjp.models.clip import ACTIVATIONS
from sdjp.models.from_spec import from_spec
from sdjp.models.transformer import Attention, Layer


class CLIPVision(nn.Module):
    """Pictures to points of the space that CLIP shares between pictures and texts.

    Its numbers are those of :class:`~sdjp.config.CLIPVisionConfig`.
    """

    def __init__(
        self,
        *,
        width: int,
        layers: int,
        heads: int,
        mlp_width: int,
        image_size: int,
        patch_size: int,
        projection: int,
        activation: Activation,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.patches = nn.Conv2d(3, width, patch_size, stride=patch_size, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.position_embedding = nn.Embedding((image_size // patch_size) ** 2 + 1, width)
        self.norm_in = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            Layer(width, Attention(width, heads), mlp_width, activation=ACTIVATIONS[activation])
            for _ in range(layers)
        )
        self.norm_out = nn.LayerNorm(width)
        self.projection = nn.Linear(width, projection, bias=False)
        nn.init.normal_(self.class_embedding, std=width**-0.5)

    @classmethod
    def from_config(cls, config: CLIPVisionConfig) -> CLIPVision:
        """Build the image encoder that ``config`` describes."""
        return from_spec(cls, config)

    def states(self, pixels: Tensor, *, before_last: bool = False) -> Tensor:
        """Map pixels (B, 3, H, W), H and W ``image_size``, to the states after the last layer (B, L, D).

        With ``before_last`` they are those after the last but one, ``hidden_states[-2]`` of transformers.
        """
        x: Tensor = rearrange(self.patches(pixels), "B D h w -> B (h w) D")
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], dim=1)  # (B, L, D)
        x = self.norm_in(x + self.position_embedding.weight)
        for layer in list(self.layers)[: len(self.layers) - before_last]:
            x = layer(x)
        return x

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels (B, 3, H, W), scaled as :func:`sdjp.images.clip_pixels` does, to (B, P)."""
        out: Tensor = self.projection(self.pooled(pixels))
        return out

    def pooled(self, pixels: Tensor) -> Tensor:
        """Return the normed state of the class token (B, D), before the projection."""
        out: Tensor = self.norm_out(self.states(pixels)[:, 0])
        return out
