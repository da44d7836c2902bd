"""What the preset ``fast`` costs, and each shortcut by itself: pictures of the embedded model beside PLMS 50.

    python examples/bench/fast_quality.py
    python examples/bench/fast_quality.py --rounds 8                      # prompts
    python examples/bench/run.py --only fast_quality --out bench          # with JSON

The same prompts and seeds each time; prompts are in English, so that no translation comes into it. The work
is counted, not measured: the floating-point operations of all UNet calls of a run, on networks without
memory, for the embedded model at 256×256 and Stable Diffusion v1 at 512×512. Whether a picture is still what
was asked for is told by its background: each prompt names one of the colours that the model was taught, and
the border of the picture should be nearest to that one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import part
import torch
from paired import Spread
from precision import psnr
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from sdjp import Pipeline
from sdjp.config import SD_V1, TINY, ModelConfig
from sdjp.generation.fast import GuidedUNet
from sdjp.generation.job import Inputs
from sdjp.generation.settle import settle
from sdjp.models.unet import DeepFeatures
from sdjp.options import GenerationOptions
from sdjp.options.presets import PRESETS
from sdjp.samplers import Schedule, get_sampler
from sdjp.weights.networks import on_meta
from sdjp_training.scenes.places import COLORS

PLAIN: Final = {"sampler": "plms", "num_inference_steps": 50}
FAST: Final = PRESETS["fast"]
CASES: Final[Mapping[str, dict[str, Any]]] = {
    "PLMS": PLAIN,
    "sampler, steps": {
        "sampler": FAST.sampler,
        "spacing": FAST.spacing,
        "num_inference_steps": FAST.num_inference_steps,
    },
    "guidance_interval (0.2, 1)": {**PLAIN, "guidance_interval": (0.2, 1.0)},
    "guidance_interval (0, 0.8)": {**PLAIN, "guidance_interval": (0.0, 0.8)},
    "token_merging 0.25": {**PLAIN, "token_merging": 0.25},
    "token_merging 0.5": {**PLAIN, "token_merging": 0.5},
    "feature_reuse 2": {**PLAIN, "feature_reuse": 2},
    "feature_reuse 5": {**PLAIN, "feature_reuse": 5},
    "fast": {"preset": "fast"},
}
NAMED: Final = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
SUBJECTS: Final = ("a dog", "a car", "an apple", "a house")
BORDER: Final = 8
"""Pixels along the edges that count as background."""


class Counted:
    """A UNet without memory: adds up the work of its calls, and counts calls that are alike once."""

    def __init__(self, config: ModelConfig) -> None:
        self.network = on_meta(config).unet
        self.calls = 0
        self.work = 0.0
        self._known: dict[tuple[object, ...], tuple[float, Tensor | None]] = {}

    def __call__(self, x: Tensor, t: Tensor, context: Tensor, **taken: Any) -> Tensor:
        """Give a tensor of the right shape."""
        deep: DeepFeatures | None = taken.get("deep")
        reuses = deep is not None and deep.x is not None
        if (key := (x.shape, reuses)) not in self._known:
            with FlopCounterMode(display=False) as counter:
                self.network(x, t, context, **taken)
            self._known[key] = float(counter.get_total_flops()), None if deep is None else deep.x
        work, features = self._known[key]
        if deep is not None:
            deep.x = features
        self.calls, self.work = self.calls + 1, self.work + work
        return torch.empty_like(x)


def counted(config: ModelConfig, **settings: Any) -> Counted:
    """The UNet calls of one picture, counted by running its sampler over them."""
    schedule = Schedule.from_config(config.schedule)
    options = GenerationOptions(prompt="x", seed=0, **settings)
    job = settle(options, Inputs(), config=config, schedule=schedule)
    unet = Counted(config)
    states = torch.empty(1, config.text.max_length, config.unet.context_dim, device="meta")
    guided = GuidedUNet(unet, states, states, job)
    x = torch.empty(1, *job.shape, device="meta")
    with torch.inference_mode():
        for _ in get_sampler(job.options.sampler)(guided, x, job.plan, lambda: x):
            guided.next_step()
    return unet


def questions(count: int) -> list[tuple[str, str]]:
    """Prompts, each with the colour that it names."""
    return [(f"{subject}, {color} background", color) for subject in SUBJECTS for color in NAMED][:count]


def border_color(pixels: np.ndarray[Any, Any]) -> str:
    """The name of the colour nearest to the mean of the border of a picture (H, W, 3)."""
    inside = np.zeros(pixels.shape[:2], dtype=bool)
    inside[BORDER:-BORDER, BORDER:-BORDER] = True
    mean = pixels[~inside].mean(axis=0)
    return min(COLORS, key=lambda name: float(((mean - np.array(COLORS[name].rgb)) ** 2).sum()))


def draw(pipe: Pipeline, prompts: Sequence[str], settings: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
    """One picture of each, the seed its number."""
    seeds = list(range(len(prompts)))
    made = pipe.generate(list(prompts), seed=seeds, batch_size=4, progress=False, **settings)
    return [np.asarray(image) for image in made.images]


def measure(*, tiny: bool = False, rounds: int = 32) -> list[dict[str, object]]:
    """One row for each case; the first is what the others are compared with."""
    asked = questions(2 if tiny else rounds)
    prompts = [prompt for prompt, _ in asked]
    pipe = Pipeline.from_pretrained(dtype="float32", watermark=False, safety="off")
    large = TINY if tiny else SD_V1
    plain: list[np.ndarray[Any, Any]] = []
    rows: list[dict[str, object]] = []
    for name, settings in CASES.items():
        if tiny and settings.get("num_inference_steps") == PLAIN["num_inference_steps"]:
            settings = {**settings, "num_inference_steps": 4}
        pictures = draw(pipe, prompts, settings)
        plain = plain or pictures
        here, there = counted(pipe.config, **settings), counted(large, **settings)
        found = [psnr(a, b) for a, b in zip(plain, pictures, strict=True)]
        right = [border_color(p) == color for p, (_, color) in zip(pictures, asked, strict=True)]
        row: dict[str, object] = {
            "case": name,
            "unet_calls": here.calls,
            "work_mini": here.work,
            "work_sd_v1": there.work,
            "background": sum(right) / len(right),
            "pictures": len(pictures),
        }
        if rows:
            row |= {
                "psnr_db": Spread.of(found).to_json(),
                "least_psnr": min(found),
                "all_psnr": sorted(found),
            }
        rows.append(row)
    for key in ("work_mini", "work_sd_v1"):
        most = float(str(rows[0][key]))
        for row in rows:
            row[key] = float(str(row[key])) / most
    return rows


if __name__ == "__main__":
    part.main(__doc__, "fast_quality", measure)
