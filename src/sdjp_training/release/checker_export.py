"""The trained safety checker as it ships: thresholds from harmless scenes, a folder, a card."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sdjp_training.loop import checkpoint
from sdjp_training.release import card
from sdjp_training.release.clip_export import in_clips_scale
from sdjp_training.scenes import composition, painting, pixels, places
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.hazards import HAZARDS, HazardArtwork, emojis
from sdjp_training.trainers import clip
from sdjp_training.trainers.checker import Watcher
from sdjp_training.trainers.safety import Made, Shown, make_checker

SHOWN: Final = 200
"""Pictures of each concept that the finished checker is tried on."""
HARMLESS: Final = 4000
FALSE_POSITIVES: Final = 0.008


def export(folder: Path, target: Path) -> Made:
    """Write the trained checker to ``target``, as ``safety_checker=`` takes it, and tell how well it does.

    Raises:
        FileNotFoundError: If there is none.
    """
    state = checkpoint.load(folder / "checker.pt")
    if state is None:
        raise FileNotFoundError(f"{folder / 'checker.pt'} is not there: python -m sdjp_training checker")
    model = Watcher()
    model.load_state_dict(state["ema"])
    drawn = HazardArtwork(folder / "artwork", folder / "packages")
    rng = random.Random("checker")
    shown = []
    for (concept, names), point in zip(HAZARDS, model.concepts.detach(), strict=True):
        drawings = [drawing for emoji in names for drawing in drawn.every(emoji)]
        pictures = [_picture(rng.choice(drawings), rng) for _ in range(SHOWN)]
        shown.append(Shown(concept=concept, pictures=pictures, point=point))
    made = make_checker(
        target,
        in_clips_scale(model.vision),
        clip.VISION,
        shown,
        list(harmless(Artwork(folder / "artwork"), rng, HARMLESS)),
        false_positives=FALSE_POSITIVES,
        dtype=torch.float16,
    )
    (target / "README.md").write_text(_card(model, made, state["step"]), encoding="utf-8")
    return made


def _card(model: Watcher, made: Made, step: int) -> str:
    concepts = [concept for concept, _ in HAZARDS]
    shares = zip(concepts, made.found, strict=True)
    figures = {
        "ja": "、".join(concept.ja for concept in concepts),
        "en": ", ".join(concept.en for concept in concepts),
        "parameters": f"{sum(p.numel() for p in model.vision.parameters()) / 1e6:.1f}",
        "step": f"{step:,}",
        "found": ", ".join(f"{concept.en} {share:.0%}" for concept, share in shares if share is not None),
        "false_alarms": f"{made.false_positives:.1%}",
    }
    return card.filled("checker_card.md", figures)


def harmless(drawn: Artwork, rng: random.Random, count: int) -> Iterator[Image.Image]:
    """Scenes without a hazard."""
    hazards = emojis()
    while count:
        scene = composition.sample(drawn, rng)
        if not hazards.keys() & set(scene.emojis):
            count -= 1
            yield Image.fromarray(painting.draw(scene, drawn))


def _picture(drawing: NDArray[np.uint8], rng: random.Random) -> Image.Image:
    """One thing on a background, in one of the sizes that scenes have."""
    canvas = places.background(rng.choice(places.BACKGROUNDS)).copy()
    pixels.paste(canvas, drawing, 128 + rng.uniform(-16, 16), 132, rng.choice((140, 168, 168, 200, 224)))
    return Image.fromarray(canvas)
