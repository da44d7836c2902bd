"""Model cards: the figures of the embedded model in its own, and cards made of a template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

FIGURES: Final = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)


def table(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table of the model card."""
    model, adapter, known = figures["model"], figures.get("adapter", {}), figures["judge"]
    rows = [
        ("主題が 1 位 · subject first", "top1", known["top1"]),
        ("主題が 5 位以内 · subject among five", "top5", known["top5"]),
        ("背景 · background", "place", known["place"]),
        ("背景の色 · colour of the background", "color", None),
        ("2 つの主題（〜と〜）· two subjects", "pair", known["both"]),
        ("乗る · riding", "riding", known["both"]),
        ("左右（偶然なら 50 %）· left or right (chance: 50 %)", "side", None),
        ("英語を知らない言葉が 5 位以内 · words whose English it does not know, among five", "word", None),
        ("7 つの画風（偶然なら 13 %）· seven styles (chance: 13 %)", "style", known.get("style")),
    ]
    lines = ["| | mini | アダプター · adapter | 学習の絵 · training scenes |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {_percent(model.get(key))} | {_percent(adapter.get(key))} | {_percent(best)} |"
        for name, key, best in rows
    ]
    if "clip" in model:
        scores = (f"{of.get('clip'):.1f}" if "clip" in of else "–" for of in (model, adapter))
        lines.append(f"| CLIP スコア · CLIP score | {' | '.join(scores)} | – |")
    lines.append(f"| オートエンコーダー · autoencoder, PSNR | {figures['autoencoder_psnr']:.1f} dB | – | – |")
    return "\n".join([*lines, "", *_others(figures)]) + "\n"


def _others(figures: dict[str, Any]) -> list[str]:
    """The figures that are not about single pictures."""
    said = figures.get("translator", {})
    lines = [
        f"- {ja} · {en}: BLEU {said[f'{key}_bleu']:.1f}, chrF {said[f'{key}_chrf']:.1f}"
        for key, ja, en in (
            ("prompts", "翻訳、プロンプト", "translation, prompts"),
            ("prompts_model", "翻訳モデルだけ、プロンプト", "its model alone, prompts"),
            ("sentences", "翻訳、Tatoeba の評価用の文", "translation, test sentences of Tatoeba"),
            ("sentences_model", "翻訳モデルだけ、その文", "its model alone, those sentences"),
        )
        if f"{key}_bleu" in said
    ]
    if "clip" in figures:
        found = " / ".join(_percent(share) for share in figures["clip"].values())
        lines.append(
            "- 小さな CLIP、500 場面から 1 位で見つける（文 / 絵）"
            f" · small CLIP, first among 500 scenes (text / picture): {found}"
        )
    return lines


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def filled(template: str, figures: Mapping[str, str]) -> str:
    """A model card of its own: ``template``, a file beside this one, with its ``{names}`` filled in."""
    text = (files("sdjp_training.release") / template).read_text(encoding="utf-8")
    for name, value in figures.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def write(figures: dict[str, Any], card: Path) -> None:
    """Put the table into the model card, between its marks."""
    text = card.read_text(encoding="utf-8")
    card.write_text(FIGURES.sub(lambda _: table(figures), text), encoding="utf-8")
