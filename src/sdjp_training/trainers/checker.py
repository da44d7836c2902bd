"""Train the safety checker of the embedded model: an image encoder that looks for hazards.

It begins as the small CLIP's image encoder, and learns from scenes, half of them with a hazard in them, to
turn their points towards the right concepts and away from the others (binary cross-entropy of the cosines).
Where the UNet has drawn scenes of the pool (``samples``), it learns from those as well: what it is to look
at are no clean drawings, and a blurred dog is not to pass for a weapon.

Axes: B pictures, N concepts, P width of the space.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.models.clip_vision import CLIPVision
from sdjp.models.safety_checker import SafetyChecker
from sdjp_training.loop import run
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.device import here, mixed_precision
from sdjp_training.loop.optim import MuonAdamW
from sdjp_training.scenes import composition, shards
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.hazards import HAZARDS, HazardArtwork, emojis
from sdjp_training.trainers import clip, decoder, judge, samples

Thing = TypeVar("Thing", bound=Hashable)

BATCH: Final = 96
WITH: Final = 0.5
"""Share of scenes with a hazard."""
AGAIN: Final = 0.5
"""Share of the others that begin with what is often mistaken."""
LEAST: Final = 0.005
"""How often what is never mistaken is drawn, beside what always is."""
RECENT: Final = 0.1
"""Weight of the last scene in the mean of mistakes."""
OWN: Final = 1 / 3
"""Share of pictures that the UNet drew, where there are some."""
HELD_OUT: Final = 400


class Watcher(nn.Module):
    """The image encoder, and the concepts as points of its space."""

    def __init__(self) -> None:
        super().__init__()
        self.vision = CLIPVision.from_config(clip.VISION)
        self.concepts = nn.Parameter(torch.randn(len(HAZARDS), clip.VISION.projection))
        self.sharpness = nn.Parameter(torch.tensor(10.0))
        self.threshold = nn.Parameter(torch.full((len(HAZARDS),), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures (B, 3, 64, 64) in [-1, 1] to scores (B, N), above 0 where a concept is seen."""
        seen = F.normalize(self.vision(x).float(), dim=-1)
        return self.sharpness * (seen @ F.normalize(self.concepts, dim=-1).T - self.threshold)


def begin(folder: Path) -> Watcher:
    """A watcher with the trained CLIP's eyes.

    Raises:
        FileNotFoundError: If there is no CLIP.
    """
    torch.manual_seed(0)
    made = Watcher()
    seeing, _ = clip.load(folder)
    made.vision.load_state_dict(seeing.vision.state_dict())
    return made


def of_shipped(vision: CLIPVision, shipped: SafetyChecker) -> Watcher:
    """A watcher with eyes for pictures in [-1, 1], and concepts and thresholds of a checker that ships."""
    made = Watcher()
    made.vision.load_state_dict(vision.state_dict())
    made.concepts.data.copy_(shipped.concepts)
    made.threshold.data.copy_(shipped.concept_thresholds)
    return made


def optimizer(model: Watcher, *, lr: float = 1.0) -> MuonAdamW:
    """The optimizers that train ``model``."""
    return MuonAdamW(
        model,
        muon_lr=0.01 * lr,
        adam_lr=1e-3 * lr,
        adam=("embedding", "patches", "concepts", "sharpness", "threshold"),
    )


def shows(scene: Scene) -> list[bool]:
    """Which concepts are in a scene."""
    return [any(emoji in drawings for emoji in scene.emojis) for _, drawings in HAZARDS]


class Mistakes(Generic[Thing]):
    """How wrong the watcher was lately about each of some things: what was mistaken is to come more often."""

    def __init__(self, things: Iterable[Thing]) -> None:
        self._shares = dict.fromkeys(things, 0.1)

    def choose(self, among: Sequence[Thing], n: int, rng: random.Random) -> list[Thing]:
        """Draw ``n`` things."""
        return rng.choices(among, weights=[LEAST + self._shares[thing] for thing in among], k=n)

    def learn(self, thing: Thing, share: float) -> None:
        """Take in how wrong it was about a thing, 0 to 1."""
        self._shares[thing] += RECENT * (share - self._shares[thing])


class Sampler:
    """Scenes of which half show a hazard, and what was mistaken lately comes more often.

    A threshold has to let the few harmless things pass that look most like a hazard (a bicycle
    like a cigarette); drawn as rarely as all others, they are learnt last.

    Args:
        artwork: The things that may be drawn.
    """

    def __init__(self, artwork: HazardArtwork) -> None:
        self.artwork = artwork
        self._mistakes = Mistakes(artwork.index)
        sought = emojis().keys()
        self._kinds = {kind: [e for e in artwork.index if (e in sought) == kind] for kind in (True, False)}

    def scene(self, rng: random.Random) -> Scene:
        """Draw one."""
        scene = composition.sample(self.artwork, rng)
        with_it, again = rng.random() < WITH, rng.random() < AGAIN
        if not with_it and not again:
            return scene
        (first,) = self._mistakes.choose(self._kinds[with_it], 1, rng)
        if not scene.emojis:
            return dataclasses.replace(scene, emojis=(first,), layout="single")
        emojis = first, *(e for e in scene.emojis[1:] if e != first)
        if len(emojis) < len(scene.emojis):
            return dataclasses.replace(scene, emojis=emojis, layout="single", looks=())
        return dataclasses.replace(scene, emojis=emojis, looks=())

    def learn(self, scenes: Sequence[Scene], wrong: Sequence[float]) -> None:
        """Take in how wrong the watcher was about each scene, 0 to 1."""
        for scene, share in zip(scenes, wrong, strict=True):
            if scene.emojis:
                self._mistakes.learn(scene.emojis[0], share)


class Samples:
    """Scenes of the pool as the UNet drew them; here, too, what was mistaken lately comes more often.

    Args:
        folder: Where the pool, its samples and the decoder are.

    Attributes:
        pictures: (n, 3, 64, 64) in [-1, 1].
        there: Which concepts are in each, (n, N).
    """

    def __init__(self, folder: Path) -> None:
        vae = decoder.load(folder)
        records = [scene for part, _ in shards.read(folder, "latents") for scene in part]
        with np.load(folder / "pool" / samples.FILE) as kept:
            scenes, latents = [records[row] for row in kept["rows"].tolist()], kept["latents"]
        small = []
        for z in torch.split(here(torch.from_numpy(latents)).float(), 1):  # large pictures are not kept
            with mixed_precision():
                picture = vae.decode(z).float().clamp(-1, 1)
            small.append(F.interpolate(picture, (judge.SIDE, judge.SIDE), mode="area"))
        self.pictures = torch.cat(small)
        self.there = here(torch.tensor([shows(scene) for scene in scenes]))
        self._mistakes = Mistakes(range(len(scenes)))

    def sample(self, n: int, rng: random.Random) -> list[int]:
        """The numbers of ``n`` of them."""
        return self._mistakes.choose(range(len(self.pictures)), n, rng)

    def learn(self, rows: Sequence[int], wrong: Sequence[float]) -> None:
        """Take in how wrong the watcher was about each of ``rows``, 0 to 1."""
        for row, share in zip(rows, wrong, strict=True):
            self._mistakes.learn(row, share)


def train(folder: Path, *, minutes: float, final: bool = False, lr: float = 1.0) -> None:
    """Train for ``minutes``, resuming from ``folder/checker.pt``; ``final`` lets the learning rate fall."""
    artwork = HazardArtwork(folder / "artwork", folder / "packages")
    drawings = judge.Drawings(artwork)
    path = folder / "checker.pt"
    model = Watcher() if path.exists() else begin(folder)
    optimize = optimizer(model, lr=lr)

    def pictures(scenes: list[Scene], rng: random.Random) -> tuple[Tensor, Tensor]:
        x = judge.tinted(judge.to_input(np.stack([drawings.draw(scene, rng) for scene in scenes])))
        return x, here(torch.tensor([shows(scene) for scene in scenes]))

    sampler = Sampler(artwork)
    own = Samples(folder) if (folder / "pool" / samples.FILE).exists() else None

    def loss_of(rng: random.Random) -> Tensor:
        rows = [] if own is None else own.sample(round(OWN * BATCH), rng)
        scenes = [sampler.scene(rng) for _ in range(BATCH - len(rows))]
        x, there = pictures(scenes, rng)
        if own is not None:
            x = torch.cat([x, judge.tinted(own.pictures[rows])])
            there = torch.cat([there, own.there[rows]])
        with mixed_precision():
            scores = model(x)
        wrong = (scores.detach().sigmoid() - there.float()).abs().amax(dim=1).tolist()
        sampler.learn(scenes, wrong[: len(scenes)])
        if own is not None:
            own.learn(rows, wrong[len(scenes) :])
        return F.binary_cross_entropy_with_logits(scores, there.float())

    averaged = Watcher()

    @torch.no_grad()
    def figures(weights: Mapping[str, Tensor]) -> dict[str, float]:
        averaged.load_state_dict(weights)
        rng = random.Random("held out")
        even = Sampler(artwork)
        x, there = pictures([even.scene(rng) for _ in range(HELD_OUT)], rng)
        seen = averaged(x) > 0
        return {
            "found": float(seen[there].float().mean()),
            "false_alarms": float((seen & ~there).any(dim=1).float().mean()),
        }

    clock = Clock(minutes, warm=20, every=120, cooling=0.5 if final else 0)
    run.run(path, model, optimize, clock, loss_of, figures)
