"""Train the judge: a small classifier that tells what a picture shows and what is behind it.

It learns from the artwork alone, all four sets of it, turned, moved, blurred and tinted, on every background;
it never sees a picture of the model that it judges.

Axes: pictures are (B, 3, 64, 64) in [-1, 1]; N subjects, P backgrounds.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.models.blocks import Downsample, ResBlock
from sdjp_training.loop import checkpoint, run
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.device import here, mixed_precision
from sdjp_training.loop.optim import MuonAdamW
from sdjp_training.scenes import composition, painting, pixels, styles
from sdjp_training.scenes.artwork import PACKAGES, SOLID, Artwork
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.places import BACKGROUNDS, background

SIDE: Final = 64
BATCH: Final = 96
WIDTHS: Final = (32, 64, 128, 160)
PAIRS: Final = 0.3
"""Share of scenes that are drawn again until they show two things, which are harder to tell."""
HELD_OUT: Final = 512
"""Scenes by which it is judged itself."""
SETS: Final = {name: 3 if name == SOLID else 1 for name in PACKAGES}
"""How often drawings of each set are shown; the embedded model draws 3D ones."""


class Verdict(NamedTuple):
    """Scores before softmax.

    Attributes:
        subjects: (B, N).
        places: (B, P).
        emojis: What the subjects are; () if they are the artwork's concepts, in their order.
        backgrounds: What the places are.
    """

    subjects: Tensor
    places: Tensor
    emojis: tuple[str, ...] = ()
    backgrounds: tuple[str, ...] = BACKGROUNDS


class Judge(nn.Module):
    """Residual blocks at 32×32, 16×16, 8×8 and 4×4, averages and maxima over the last, two linear maps.

    Args:
        subjects: N.
        emojis: What they are, if they are not the concepts of the artwork that it is asked about.
        backgrounds: The P places that it tells apart.
    """

    def __init__(
        self, subjects: int, *, emojis: tuple[str, ...] = (), backgrounds: tuple[str, ...] = BACKGROUNDS
    ) -> None:
        super().__init__()
        self.emojis, self.backgrounds = emojis, backgrounds
        layers: list[nn.Module] = [nn.Conv2d(3, WIDTHS[0], 4, stride=2, padding=1)]
        channels = WIDTHS[0]
        for level, width in enumerate(WIDTHS):
            layers += [ResBlock(channels, width, time_dim=None, norm_groups=8, eps=1e-5)]
            layers += [Downsample(width)] if level < len(WIDTHS) - 1 else []
            channels = width
        self.layers = nn.Sequential(*layers)
        self.subjects = nn.Linear(2 * channels, subjects)
        self.places = nn.Linear(2 * channels, len(backgrounds))

    def forward(self, x: Tensor) -> Verdict:
        """Look at pictures x (B, 3, 64, 64)."""
        x = F.silu(self.layers(x))
        seen = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1).float()
        return Verdict(self.subjects(seen), self.places(seen), self.emojis, self.backgrounds)


def to_input(pictures: NDArray[np.uint8]) -> Tensor:
    """Map pictures (B, h, w, 3) uint8 of any size to what the judge looks at."""
    small = [Image.fromarray(p).resize((SIDE, SIDE), Image.Resampling.BOX) for p in pictures]
    return here(torch.from_numpy(np.stack([np.asarray(p) for p in small]))).permute(0, 3, 1, 2) / 127.5 - 1


def load(path: Path) -> Judge:
    """Read the trained judge (its averaged weights).

    Raises:
        FileNotFoundError: If there is none.
    """
    state = checkpoint.load(path)
    if state is None:
        raise FileNotFoundError(f"{path} is not there: python -m sdjp_training judge trains it")
    return with_weights(state["ema"])


def with_weights(
    weights: Mapping[str, Tensor],
    *,
    emojis: tuple[str, ...] = (),
    backgrounds: tuple[str, ...] = BACKGROUNDS,
) -> Judge:
    """The judge that ``weights`` make, ready to look."""
    model = Judge(len(weights["subjects.bias"]), emojis=emojis, backgrounds=backgrounds)
    model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return model.eval().requires_grad_(False)


def export(folder: Path, target: Path) -> None:
    """Write the averaged weights in float16, with what they tell apart, for tests to judge by."""
    weights = load(folder / "judge.pt").state_dict()
    emojis = [concept.emoji for concept in Artwork(folder / "artwork").concepts]
    save_file(
        {name: tensor.half().contiguous() for name, tensor in weights.items()},
        target,
        metadata={"emojis": json.dumps(emojis), "backgrounds": json.dumps(BACKGROUNDS)},
    )


def read(path: Path) -> Judge:
    """Read what :func:`export` wrote."""
    with safe_open(path, "pt") as file:
        told = file.metadata()
    emojis, backgrounds = (tuple(json.loads(told[name])) for name in ("emojis", "backgrounds"))
    return with_weights(load_file(path), emojis=emojis, backgrounds=backgrounds)


# What it learns from.


class Drawings:
    """The artwork, a quarter as large, in every set."""

    def __init__(self, artwork: Artwork) -> None:
        self.artwork = artwork
        self._small: dict[tuple[str, str, str], NDArray[np.uint8]] = {}

    def small(self, emoji: str, name: str, look: str = "") -> NDArray[np.uint8]:
        """A drawing (96, 96, 4) of the set ``name``, as it is to look."""
        key = emoji, name, look
        if key not in self._small:
            drawing = Image.fromarray(painting.subject(self.artwork, emoji, name, look))
            self._small[key] = np.asarray(drawing.resize((96, 96), Image.Resampling.BOX))
        return self._small[key]

    def draw(self, scene: Scene, rng: random.Random) -> NDArray[np.uint8]:
        """Draw ``scene`` roughly as its layout says, in a set and at an angle of its own."""
        canvas = _place(scene.place).copy()
        chosen = rng.choices(list(SETS), weights=list(SETS.values()))[0]
        name = styles.STYLES[scene.style].drawings or chosen
        each = [self.small(emoji, name, look) for emoji, look in scene.subjects]
        for drawing, (x, y, side) in painting.arranged(scene, each):
            size = max(8, round(side / 4 * rng.uniform(0.75, 1.2)))
            fit = Image.fromarray(pixels.fitted(drawing, size, size))
            fit = fit.rotate(rng.uniform(-12, 12), Image.Resampling.BILINEAR, expand=True)
            left = round(x / 4 + rng.uniform(-5, 5) - fit.width / 2)
            top = round((y + side / 2) / 4 + rng.uniform(-5, 5) - fit.height)
            canvas.paste(fit, (left, top), fit)
        if scene.style == "plain":
            canvas = canvas.filter(ImageFilter.GaussianBlur(rng.choice((0, 0, 0.5, 1.0, 1.6))))
        return styles.stylise(np.asarray(canvas), scene.style, side=SIDE)


@cache
def _place(name: str) -> Image.Image:
    return Image.fromarray(background(name)).resize((SIDE, SIDE), Image.Resampling.BOX)


def batch(drawings: Drawings, rng: random.Random, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw pictures (n, 3, 64, 64), and the shares of subjects (n, N) and backgrounds (n, P) in them."""
    artwork = drawings.artwork
    scenes = [_sample(artwork, rng) for _ in range(n)]
    subjects, places = np.zeros((n, len(artwork.concepts)), "f4"), np.zeros((n, len(BACKGROUNDS)), "f4")
    for i, scene in enumerate(scenes):
        for emoji in scene.emojis:
            subjects[i, artwork.index[emoji]] = 1 / len(scene.emojis)
        places[i, BACKGROUNDS.index(scene.place)] = 1
    x = to_input(np.stack([drawings.draw(scene, rng) for scene in scenes]))
    return tinted(x), here(torch.from_numpy(subjects)), here(torch.from_numpy(places))


def _sample(artwork: Artwork, rng: random.Random) -> Scene:
    scene = composition.sample(artwork, rng)
    again = rng.random() < PAIRS
    while again and len(scene.emojis) < 2:
        scene = composition.sample(artwork, rng)
    return scene


def tinted(x: Tensor) -> Tensor:
    """Change brightness, tint and grain of pictures x (B, 3, h, w) in [-1, 1] a little."""
    B = len(x)
    tint = 1 + 0.05 * torch.randn(B, 1, 1, 1) + 0.05 * torch.randn(B, 3, 1, 1)
    grain = 0.06 * torch.rand(B, 1, 1, 1) * torch.randn_like(x)
    return ((x + 1) * tint - 1 + grain).clamp(-1, 1)


def train(folder: Path, *, minutes: float, final: bool = False, lr: float = 1.0) -> None:
    """Train for ``minutes``, resuming from ``folder/judge.pt``; ``final`` lets the learning rate fall."""
    drawings = Drawings(Artwork(folder / "artwork"))
    model = Judge(len(drawings.artwork.concepts)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimize = MuonAdamW(model, muon_lr=0.02 * lr, adam_lr=2e-3 * lr, adam=("subjects", "places"))

    def loss_of(rng: random.Random) -> Tensor:
        x, subjects, places = batch(drawings, rng, BATCH)
        with mixed_precision():
            verdict = model(x.contiguous(memory_format=torch.channels_last))
        return F.cross_entropy(verdict.subjects, subjects) + 0.3 * F.cross_entropy(verdict.places, places)

    clock = Clock(minutes, warm=20, every=120, cooling=0.5 if final else 0)
    run.run(
        folder / "judge.pt",
        model,
        optimize,
        clock,
        loss_of,
        lambda weights: accuracy(with_weights(weights), drawings.artwork),
    )


# What it says.


def share(right: Iterable[bool]) -> float:
    """The share of what is right, 0 to 1; NaN of nothing."""
    answers = list(right)
    return sum(answers) / len(answers) if answers else float("nan")


def order(verdict: Verdict, artwork: Artwork) -> Mapping[str, int]:
    """The place of each subject in the scores of a verdict."""
    return {emoji: i for i, emoji in enumerate(verdict.emojis)} or artwork.index


def seen(verdict: Verdict, artwork: Artwork, subjects: Sequence[tuple[str, ...]], count: int) -> list[bool]:
    """Whether all the subjects of each picture (emojis) are among the ``count`` that it sees most of."""
    best, index = verdict.subjects.topk(count).indices.tolist(), order(verdict, artwork)
    return [{index.get(e) for e in of_one} <= set(b) for of_one, b in zip(subjects, best, strict=True)]


def places_of(verdict: Verdict) -> list[str]:
    """The background that the judge sees in each picture."""
    return [verdict.backgrounds[i] for i in verdict.places.argmax(dim=1).tolist()]


@torch.no_grad()
def accuracy(judge: Judge, artwork: Artwork) -> dict[str, float]:
    """How well it knows plain scenes drawn as they are: what a perfect model would be given."""
    rng = random.Random("accuracy of the judge")
    scenes = [dataclasses.replace(composition.sample(artwork, rng), style="plain") for _ in range(HELD_OUT)]
    verdict = judge(torch.cat([to_input(painting.draw(scene, artwork)[None]) for scene in scenes]))
    subjects = [scene.emojis for scene in scenes]
    first, five = seen(verdict, artwork, subjects, 1), seen(verdict, artwork, subjects, 5)
    one = [i for i, emojis in enumerate(subjects) if len(emojis) == 1]
    two = [i for i, emojis in enumerate(subjects) if len(emojis) == 2]
    return {
        "top1": share(first[i] for i in one),
        "top5": share(five[i] for i in one),
        "both": share(five[i] for i in two),
        "place": share(place == s.place for place, s in zip(places_of(verdict), scenes, strict=True)),
    }
