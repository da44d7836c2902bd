"""Measure the embedded model: what it was asked for in Japanese, and what the judge sees in its pictures.

``python -m sdjp.training evaluate`` prints the figures as JSON and writes them into the model card.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdjp.training import autoencoder, judge
from sdjp.training.artwork import Artwork, Concept
from sdjp.training.places import COLORS
from sdjp.training.scenes import RIDES

if TYPE_CHECKING:
    from sdjp import Pipeline

PLACES_JA: Final = {
    "white": "白い背景の{}",
    "black": "黒い背景の{}",
    "gray": "灰色の背景の{}",
    "red": "赤い背景の{}",
    "orange": "オレンジ色の背景の{}",
    "yellow": "黄色い背景の{}",
    "green": "緑の背景の{}",
    "light blue": "水色の背景の{}",
    "blue": "青い背景の{}",
    "purple": "紫の背景の{}",
    "pink": "ピンクの背景の{}",
    "brown": "茶色の背景の{}",
    "beige": "ベージュの背景の{}",
    "night": "夜空の下の{}",
    "sky": "青空の下の{}",
    "sea": "海の上の{}",
    "underwater": "水中の{}",
    "grass": "草原の{}",
    "forest": "森の中の{}",
    "snow": "雪の中の{}",
    "sunset": "夕焼けの{}",
    "beach": "砂浜の{}",
    "desert": "砂漠の{}",
    "mountains": "山の中の{}",
    "city": "街の{}",
    "city at night": "夜の街の{}",
    "space": "宇宙の{}",
    "moon": "月面の{}",
    "room": "部屋の中の{}",
    "tatami": "和室の{}",
    "cherry blossoms": "桜の木の下の{}",
    "flowers": "花畑の{}",
    "rain": "雨の中の{}",
    "fog": "霧の中の{}",
}
LIVING: Final = frozenset({"animal", "person", "fantasy"})
BATCH: Final = 8
FIGURES: Final = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A prompt, and what its picture has to show.

    Attributes:
        kind: ``"single"``, ``"place"``, ``"pair"`` or ``"riding"``.
        prompt: In Japanese.
        subjects: Their emojis.
        place: The background, where the prompt names one.
    """

    kind: str
    prompt: str
    subjects: tuple[str, ...]
    place: str | None = None


def questions(artwork: Artwork, *, each: int = 1, others: int = 60) -> list[Question]:
    """The prompts that are asked, always the same.

    Args:
        artwork: What the model can draw.
        each: Pictures of every subject alone.
        others: Prompts of each other kind.
    """
    rng = random.Random("questions")
    every = artwork.concepts
    found = [Question(kind="single", prompt=c.japanese, subjects=(c.emoji,)) for c in every] * each
    places = list(PLACES_JA.items())
    for i in range(others):
        place, phrase = places[i % len(places)]
        concept = rng.choice(every)
        prompt = phrase.format(concept.japanese)
        found.append(Question(kind="place", prompt=prompt, subjects=(concept.emoji,), place=place))
    for _ in range(others):
        a, b = rng.sample(every, 2)
        found.append(_two("pair", f"{a.japanese}と{b.japanese}", a, b))
    living = [c for c in every if c.kind in LIVING]
    mounts = [every[artwork.index[emoji]] for emoji in RIDES if emoji in artwork.index]
    for _ in range(others):
        mount = rng.choice(mounts)
        rider = rng.choice([c for c in living if c is not mount])
        found.append(_two("riding", f"{mount.japanese}に乗る{rider.japanese}", rider, mount))
    return found


def _two(kind: str, prompt: str, a: Concept, b: Concept) -> Question:
    return Question(kind=kind, prompt=prompt, subjects=(a.emoji, b.emoji))


def draw(pipe: Pipeline, asked: Sequence[Question], **options: Any) -> list[NDArray[np.uint8]]:
    """Draw each prompt, with its number as the seed."""
    pictures = []
    for first in range(0, len(asked), BATCH):
        prompts = [q.prompt for q in asked[first : first + BATCH]]
        result = pipe.generate(prompts, seed=first, progress=False, **options)
        pictures += [np.asarray(picture.convert("RGB")) for picture in result.images]
    return pictures


@torch.no_grad()
def judged(
    model: Callable[[Tensor], judge.Verdict],
    artwork: Artwork,
    asked: Sequence[Question],
    pictures: Sequence[NDArray[np.uint8]],
) -> dict[str, float]:
    """What share of the pictures shows what it was to show, 0 to 1.

    Returns:
        ``top1`` and ``top5`` of single subjects; ``place`` of prompts that name one, ``color`` where it is a
        colour; ``pair`` and ``riding``: both subjects among the five that the judge sees most of.
    """
    told = model(judge.to_input(np.stack(pictures)))
    subjects = [q.subjects for q in asked]
    first, five = (judge.seen(told, artwork, subjects, count) for count in (1, 5))
    place = [seen == q.place for seen, q in zip(judge.places_of(told), asked, strict=True)]

    def of(kind: str, right: Sequence[bool]) -> float:
        return judge.share(r for r, q in zip(right, asked, strict=True) if q.kind == kind)

    return {
        "top1": of("single", first),
        "top5": of("single", five),
        "place": of("place", place),
        "color": judge.share(r for r, q in zip(place, asked, strict=True) if q.place in COLORS),
        "pair": of("pair", five),
        "riding": of("riding", five),
    }


def measure(folder: Path, *, each: int = 1, others: int = 60) -> dict[str, Any]:
    """Draw and judge; ``folder`` has the artwork and the judge."""
    from sdjp import Pipeline

    artwork = Artwork(folder / "artwork")
    model = judge.load(folder / "judge.pt")
    pipe = Pipeline.from_pretrained(watermark=False, safety="off", prompt_check="off")
    asked = questions(artwork, each=each, others=others)
    figures = judged(model, artwork, asked, draw(pipe, asked))
    vae = pipe.vae.float()
    return {
        "prompts": len(asked),
        "model": figures,
        "judge": judge.accuracy(model, artwork),
        "autoencoder_psnr": autoencoder.psnr(vae, autoencoder.held_out_pictures(artwork)),
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table of the model card."""
    model, known = figures["model"], figures["judge"]
    rows = [
        ("主題が 1 位 · subject first", model["top1"], known["top1"]),
        ("主題が 5 位以内 · subject among five", model["top5"], known["top5"]),
        ("背景 · background", model["place"], known["place"]),
        ("背景の色 · colour of the background", model["color"], None),
        ("2 つの主題（〜と〜）· two subjects", model["pair"], known["both"]),
        ("乗る · riding", model["riding"], known["both"]),
    ]
    lines = ["| | mini | 学習の絵 · training scenes |", "|---|---|---|"]
    lines += [f"| {name} | {_percent(a)} | {_percent(b)} |" for name, a, b in rows]
    psnr = figures["autoencoder_psnr"]
    lines += [f"| オートエンコーダー · autoencoder, PSNR | {psnr:.1f} dB | – |"]
    return "\n".join(lines) + "\n"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def write(figures: dict[str, Any], card: Path) -> None:
    """Put the table into the model card, between its marks."""
    text = card.read_text(encoding="utf-8")
    card.write_text(FIGURES.sub(lambda _: table(figures), text), encoding="utf-8")
