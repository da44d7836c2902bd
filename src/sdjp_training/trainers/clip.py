"""Train a small CLIP: an image encoder and a text encoder that put a scene and its caption in one place.

Radford et al. 2021, arXiv 2103.00020, section 2.3. The text encoder begins as that of the embedded model,
which already knows what captions say; the image encoder begins from nothing. Pictures are those that the
judge learns from, and those that a safety checker is to find.

Axes: B scenes, P width of the shared space.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import CLIPVisionConfig
from sdjp.models import CLIPText
from sdjp.models.clip_vision import CLIPVision
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp_training.loop import checkpoint, run
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.device import mixed_precision
from sdjp_training.loop.optim import MuonAdamW
from sdjp_training.scenes import captions, composition, painting
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.hazards import HazardArtwork
from sdjp_training.scenes.nouns import article
from sdjp_training.scenes.styles import STYLES
from sdjp_training.trainers import judge, text_encoder

BATCH: Final = 128
TOKENS: Final = 40  # of a caption; hardly any is longer
VISION: Final = CLIPVisionConfig(
    width=192, layers=4, heads=6, mlp_width=768, image_size=judge.SIDE, patch_size=8, projection=128
)
SHARPEST: Final = 4.6052  # log of 100, as in the paper
HELD_OUT: Final = 500
"""Scenes among which the right one is to be found."""


class MiniCLIP(nn.Module):
    """Both encoders and how sharply their answers are compared.

    Args:
        text: The text encoder.
    """

    def __init__(self, text: CLIPText) -> None:
        super().__init__()
        self.vision = CLIPVision.from_config(VISION)
        nn.init.normal_(self.vision.position_embedding.weight, std=0.05)
        self.text = text
        self.text_projection = nn.Linear(text.norm_out.normalized_shape[0], VISION.projection, bias=False)
        self.sharpness = nn.Parameter(torch.tensor(2.6593))  # log of 1 / 0.07

    def pictures(self, x: Tensor) -> Tensor:
        """Map pictures (B, 3, 64, 64) in [-1, 1] to unit vectors (B, P)."""
        return F.normalize(self.vision(x).float(), dim=-1)

    def texts(self, ids: Tensor, ends: Tensor) -> Tensor:
        """Map token ids (B, L), whose captions end at ``ends`` (B,), to unit vectors (B, P)."""
        states = self.text(ids)[torch.arange(len(ids)), ends]
        return F.normalize(self.text_projection(states).float(), dim=-1)


def encode(tokens: ClipTokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Token ids (B, 40), and where the first end token stands, (B,)."""
    ids = text_encoder.encode(tokens, texts)[:, :TOKENS]
    ids[:, -1] = tokens.end_id
    return ids, (ids == tokens.end_id).int().argmax(dim=1)


def build(folder: Path) -> tuple[MiniCLIP, ClipTokenizer]:
    """The model as training begins."""
    text, tokens = text_encoder.load(folder)
    return MiniCLIP(text.requires_grad_(True).train()), tokens


def load(folder: Path) -> tuple[MiniCLIP, ClipTokenizer]:
    """Read the trained model (its averaged weights).

    Raises:
        FileNotFoundError: If there is none.
    """
    state = checkpoint.load(folder / "clip.pt")
    if state is None:
        raise FileNotFoundError(f"{folder / 'clip.pt'} is not there: python -m sdjp_training clip trains it")
    model, tokens = build(folder)
    model.load_state_dict(state["ema"])
    return model.eval().requires_grad_(False), tokens


def contrast(pictures: Tensor, texts: Tensor, sharpness: Tensor) -> Tensor:
    """The symmetric cross-entropy of the paper's figure 3 over unit vectors (B, P)."""
    scores = sharpness.clamp(max=SHARPEST).exp() * pictures @ texts.T
    right = torch.arange(len(scores))
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2


@torch.no_grad()
def retrieval(model: MiniCLIP, tokens: ClipTokenizer, artwork: Artwork) -> dict[str, float]:
    """How often the caption of a scene is nearest to its picture, and the picture to its caption, among 500.

    The scenes are new and all different, drawn as the embedded model's data is.
    """
    rng = random.Random("retrieval")
    scenes: list[composition.Scene] = []
    while len(scenes) < HELD_OUT:
        scene = composition.sample(artwork, rng)
        if scene not in scenes:
            scenes.append(scene)
    x = torch.cat(
        [
            model.pictures(judge.to_input(np.stack([painting.draw(s, artwork) for s in scenes[i : i + 50]])))
            for i in range(0, HELD_OUT, 50)
        ]
    )
    y = model.texts(*encode(tokens, [captions.caption(s, artwork, rng) for s in scenes]))
    scores, right = x @ y.T, torch.arange(HELD_OUT)
    return {
        "text_of_picture": float((scores.argmax(dim=1) == right).float().mean()),
        "picture_of_text": float((scores.argmax(dim=0) == right).float().mean()),
    }


@torch.no_grad()
def styles_of(
    model: MiniCLIP, tokens: ClipTokenizer, nouns: Sequence[str], pictures: Sequence[NDArray[np.uint8]]
) -> list[str]:
    """The style that the picture (h, w, 3) of each noun is nearest to.

    A style is the mean of all ways to say it, as in the paper's section 3.1.4.
    """
    nearest = []
    for noun, picture in zip(nouns, pictures, strict=True):
        seen = model.pictures(judge.to_input(picture[None]))[0]
        directions = []
        for style in STYLES.values():
            texts = [captions.in_style(phrase, article(noun)) for phrase in sorted(set(style.english))]
            directions.append(F.normalize(model.texts(*encode(tokens, texts)).mean(dim=0), dim=0))
        nearest.append(list(STYLES)[int((torch.stack(directions) @ seen).argmax())])
    return nearest


def train(folder: Path, *, minutes: float, final: bool = False, lr: float = 1.0) -> None:
    """Train for ``minutes``, resuming from ``folder/clip.pt``; ``final`` lets the learning rate fall."""
    artwork = Artwork(folder / "artwork")
    hazards = HazardArtwork(folder / "artwork", folder / "packages")
    drawings = judge.Drawings(hazards)
    model, tokens = build(folder)
    optimize = MuonAdamW(
        model, muon_lr=0.02 * lr, adam_lr=1e-3 * lr, adam=("embedding", "sharpness", "patches")
    )

    def loss_of(rng: random.Random) -> Tensor:
        scenes = [composition.sample(hazards, rng) for _ in range(BATCH)]
        x = judge.tinted(judge.to_input(np.stack([drawings.draw(scene, rng) for scene in scenes])))
        ids, ends = encode(tokens, [captions.caption(scene, hazards, rng) for scene in scenes])
        with mixed_precision():
            pictures, texts = model.pictures(x), model.texts(ids, ends)
        return contrast(pictures, texts, model.sharpness)

    averaged, _ = build(folder)

    def figures(weights: Mapping[str, Tensor]) -> dict[str, float]:
        averaged.load_state_dict(weights)
        return retrieval(averaged.eval(), tokens, artwork)

    clock = Clock(minutes, warm=30, every=180, cooling=0.5 if final else 0)
    run.run(folder / "clip.pt", model, optimize, clock, loss_of, figures)
