"""Measure the embedded model: how far pictures are from what was asked for, and what the judge sees in them.

``python -m sdjp_training evaluate`` prints the figures as JSON and writes them into the model card.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdjp import weights
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.weights.parts import adapter
from sdjp.weights.source import locate
from sdjp_training.release import fidelity, questions, translation
from sdjp_training.release.questions import Question
from sdjp_training.scenes import painting
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.trainers import autoencoder, clip, judge

if TYPE_CHECKING:
    from sdjp import Pipeline

BATCH: Final = 8


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
    """The share of the pictures that shows what it was to show, 0 to 1.

    Returns:
        ``top1`` and ``top5`` of single subjects; ``pair`` and ``riding``: both subjects among the five that
        the judge sees most of; ``side``: the subject is seen more in that half (by chance: a half); ``word``:
        the subject is among the five, of prompts that are a word without English.
    """
    verdict = model(judge.to_input(np.stack(pictures)))
    sides = [_side(model, artwork, q, p) == q.side for q, p in zip(asked, pictures, strict=True) if q.side]
    subjects = [q.subjects for q in asked]
    first, five = (judge.seen(verdict, artwork, subjects, count) for count in (1, 5))

    def of(kind: str, right: Sequence[bool]) -> float:
        return judge.share(r for r, q in zip(right, asked, strict=True) if q.kind == kind)

    return {
        "top1": of("single", first),
        "top5": of("single", five),
        "pair": of("pair", five),
        "riding": of("riding", five),
        "word": of("word", five),
        "side": judge.share(sides),
    }


def _side(
    model: Callable[[Tensor], judge.Verdict],
    artwork: Artwork,
    question: Question,
    picture: NDArray[np.uint8],
) -> str:
    """The half of a picture in which its subject is seen more."""
    half = picture.shape[1] // 2
    lines = slice(picture.shape[0] // 4, picture.shape[0] // 4 + half)  # squares, as the judge knows them
    halves = np.stack([picture[lines, :half], picture[lines, half : 2 * half]])
    verdict = model(judge.to_input(halves))
    subject = judge.order(verdict, artwork)[question.subjects[0]]
    seen = verdict.subjects.log_softmax(dim=1)[:, subject]
    return "left" if seen[0] > seen[1] else "right"


def measure(
    folder: Path,
    *,
    model: str = weights.EMBEDDED_MODEL,
    nouns: int | None = None,
    others: int = 60,
    prompts: Path | None = None,
    natural: Path | None = None,
    graded: Path | None = None,
    grader: str = "",
) -> dict[str, Any]:
    """Measure a model, and the translator that ships.

    What there is nothing to measure with is left out: shares by the judge, by the small CLIP, translations.

    Args:
        folder: The artwork and, where there are some, the judge, the small CLIP and the tables of pairs.
        model: The model, as :func:`sdjp.weights.load` takes it.
        nouns: How many subjects are drawn alone; None for all.
        others: Prompts of each other kind.
        prompts: A table of prompts and their English, for the translator's figures: those that rules and
            words were written by.
        natural: The same with kinds: those that are kept for measuring.
        graded: The scores of a panel, as :mod:`.panel` writes them.
        grader: Who saw them, and how.

    Returns:
        The figures: of ``"model"`` and, if it brings one along, ``"adapter"``, ``"psnr"`` by kind, those of
        :func:`.fidelity.places` and, with a judge, those of :func:`judged`; ``"autoencoder_psnr"``;
        ``"panel"``, ``"judge"``, ``"clip"`` and ``"translator"`` as far as there are any.
    """
    artwork = Artwork(folder / "artwork")
    known = judge.load(folder / "judge.pt") if (folder / "judge.pt").exists() else None
    seer = clip.load(folder) if (folder / "clip.pt").exists() else None
    asked = questions.nouns(artwork, nouns) + questions.others(artwork, others)
    if known is not None:
        asked += questions.words_without_english(artwork, folder / "packages")
    figures: dict[str, Any] = {"prompts": len(asked)}
    if graded is not None:
        figures["panel"] = {"grader": grader, "kinds": json.loads(graded.read_text(encoding="utf-8"))}
    if known is not None:
        figures["judge"] = judge.accuracy(known, artwork)
        if seer is not None:
            styled = [q for q in asked if q.style is not None]
            figures["judge"]["style"] = in_style(
                seer, artwork, styled, [painting.draw(q.scene, artwork) for q in styled]
            )
    own = pipeline("auto", model)
    pipes = {"model": own, **({"adapter": pipeline("adapter", model)} if has_adapter(model) else {})}
    infos = own.explain([q.prompt for q in asked])
    sayable = [
        (i, info.english) for i, (q, info) in enumerate(zip(asked, infos, strict=True)) if q.kind != "word"
    ]
    for name, pipe in pipes.items():
        pictures = draw(pipe, asked)
        figures[name] = {
            "psnr": fidelity.measured(artwork, asked, pictures),
            **fidelity.places(asked, pictures),
        }
        if known is not None:
            figures[name] |= judged(known, artwork, asked, pictures)
        if seer is not None:
            shown = [pictures[i] for i, _ in sayable]
            figures[name]["clip"] = clip_score(*seer, [english for _, english in sayable], shown)
            figures[name]["style"] = in_style(seer, artwork, asked, pictures)
    figures["autoencoder_psnr"] = autoencoder.psnr(own.vae.float(), autoencoder.held_out_pictures(artwork))
    if seer is not None:
        figures["clip"] = clip.retrieval(*seer, artwork)
    translated = translation.measure(folder / "pairs", prompts=prompts, forms=natural)
    return {**figures, **({"translator": translated} if translated else {})}


def in_style(
    model: tuple[clip.MiniCLIP, ClipTokenizer],
    artwork: Artwork,
    asked: Sequence[Question],
    pictures: Sequence[NDArray[np.uint8]],
) -> float:
    """The share of pictures in the style that was asked for, as the small CLIP sees them."""
    rows = [(q, picture) for q, picture in zip(asked, pictures, strict=True) if q.style is not None]
    nouns = [artwork.concepts[artwork.index[q.subjects[0]]].names[0] for q, _ in rows]
    seen = clip.styles_of(*model, nouns, [picture for _, picture in rows])
    return judge.share(style == q.style for style, (q, _) in zip(seen, rows, strict=True))


def has_adapter(model: str) -> bool:
    """Whether a model brings an adapter along."""
    return (locate(model).path / adapter.FOLDER).is_dir()


def pipeline(translator: str, model: str = weights.EMBEDDED_MODEL) -> Pipeline:
    """A model that draws what it is asked for, and nothing after or before that."""
    from sdjp import Pipeline

    return Pipeline.from_pretrained(
        model, translator=translator, watermark=False, safety="off", prompt_check="off"
    )


@torch.no_grad()
def clip_score(
    model: clip.MiniCLIP, tokens: ClipTokenizer, english: list[str], pictures: Sequence[NDArray[np.uint8]]
) -> float:
    """The mean of 100 times the cosine between pictures and their English prompts (Hessel et al. 2021,
    arXiv 2104.08718, without its factor), as the small CLIP sees them.
    """
    scores = []
    for first in range(0, len(english), 50):
        part = slice(first, first + 50)
        seen = model.pictures(judge.to_input(np.stack(pictures[part])))
        texts = model.texts(*clip.encode(tokens, english[part]))
        scores += (100 * (seen * texts).sum(dim=1)).tolist()
    return float(sum(scores) / len(scores))
