"""Names of the tensors of an image encoder: ours, and those of Hugging Face's CLIP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sdjp.weights.names.clip import LAYER

VISION: Final = "vision_model."
EMBEDDINGS: Final = VISION + "embeddings."
PATCHES: Final = EMBEDDINGS + "patch_embedding"
POSITIONS: Final = EMBEDDINGS + "position_embedding"
PROJECTION: Final = "visual_projection"
IGNORED: Final = re.compile(r"vision_model\.embeddings\.position_ids")
"""No tensor of the network: the numbers of the positions."""
MODULES: Final = {
    "patches": PATCHES,
    "position_embedding": POSITIONS,
    "norm_in": VISION + "pre_layrnorm",  # spelt so in every file
    "norm_out": VISION + "post_layernorm",
    "projection": PROJECTION,
}
WITHOUT_BIAS: Final = ("patches", "position_embedding", "projection")


def vision_names(layers: int) -> Iterator[tuple[str, str]]:
    """Give our name and Hugging Face's of each tensor of an image encoder."""
    yield "class_embedding", EMBEDDINGS + "class_embedding"
    modules = dict(MODULES)
    for n in range(layers):
        theirs = f"{VISION}encoder.layers.{n}"
        modules |= {f"layers.{n}.{ours}": f"{theirs}.{name}" for ours, name in LAYER}
    for ours, name in modules.items():
        yield f"{ours}.weight", f"{name}.weight"
        if ours not in WITHOUT_BIAS:
            yield f"{ours}.bias", f"{name}.bias"


def canonical(name: str) -> str:
    """Return the name of a tensor as transformers 5 writes it; before, ``vision_model.`` stood twice."""
    return re.sub(r"^vision_model\.vision_model\.", VISION, name)
