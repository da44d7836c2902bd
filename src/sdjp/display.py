"""How a notebook shows results: pictures, what they were drawn from, and what is to be known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sdjp import markup
from sdjp.errors import get_language
from sdjp.records import PromptInfo, Report

BESIDE: Final = 256
"""Pixels: pictures beside each other are shown no wider; they are stored in full."""
NARROWEST: Final = 160  # pixels: a caption below a smaller picture would be a column of words


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One picture and what is told of it."""

    png: bytes
    width: int
    seed: int
    prompt: PromptInfo | None
    negative: PromptInfo | None
    reports: Sequence[Report]


def page(pictures: Sequence[Shown]) -> str:
    """HTML of pictures; those that follow each other and have the same prompts stand below them."""
    widest = None if len(pictures) == 1 else BESIDE
    of_prompts = groupby(pictures, key=lambda shown: (_typed(shown.prompt), _typed(shown.negative)))
    return "".join(_together(list(shown), widest) for _, shown in of_prompts)


def _typed(info: PromptInfo | None) -> str | None:
    return None if info is None else info.source


def _together(pictures: Sequence[Shown], widest: int | None) -> str:
    prompt, negative = pictures[0].prompt, pictures[0].negative
    told = [] if prompt is None else prompt.told()
    if negative is not None and negative.source:
        named = markup.said("ネガティブプロンプト", "negative prompt")
        told.append(
            f"{named}: {markup.words(negative.source, 'ja')} / {markup.words(negative.english, 'en')}"
        )
        told += [f"⚠ {markup.said(ja, en)}" for ja, en in negative.notes]
    text = f'<div style="{markup.SMALL}">{markup.lines(told)}</div>' if told else ""
    return text + markup.row(_figure(shown, n, len(pictures), widest) for n, shown in enumerate(pictures, 1))


def _figure(shown: Shown, n: int, count: int, widest: int | None) -> str:
    width = shown.width if widest is None else min(shown.width, widest)
    ja = "絵" if shown.prompt is None else shown.prompt.source
    en = "a picture" if shown.prompt is None else shown.prompt.source
    if count > 1:
        ja, en = f"{ja}（{count} 枚中の {n} 枚目）", f"{en} ({n} of {count})"
    image = markup.picture(shown.png, alt=en if get_language() == "en" else ja, width=width)
    told = [markup.said(f"シード {shown.seed}", f"seed {shown.seed}")]
    told += [f"⚠ {markup.said(report.ja, report.en)}" for report in shown.reports if report.notable]
    return markup.figure(image, markup.lines(told), width=max(width, NARROWEST))
