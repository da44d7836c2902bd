"""Model cards: the figures of the embedded model in its own, and cards made of a template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

PART: Final = r"(?<=<!-- {0} -->\n).*?(?=<!-- /{0} -->)"
"""What stands between the marks of a part."""

SETS: Final = (
    (
        "natural",
        "翻訳、自然なプロンプト（測るためだけに取ってあるもの）",
        "translation, natural prompts (kept for measuring)",
    ),
    (
        "prompts",
        "翻訳、開発のあいだ見ながら合わせてきた 64 のプロンプト（実力より高く出る）",
        "translation, the 64 prompts that all development was tuned to (flattering)",
    ),
    (
        "sentences",
        "翻訳、Tatoeba の評価用の文",
        "translation, test sentences of Tatoeba",
    ),
)
"""The sets of texts that the translator is measured on, and what they are."""
KINDS: Final = {
    "business": "広告や資料",
    "character": "キャラクター",
    "colloquial": "くだけた言い方",
    "culture": "日本の文化",
    "edit": "変更の指示",
    "emotion": "気持ち",
    "food": "食べ物",
    "long": "長い文章",
    "mixed": "英語まじり",
    "nature": "自然",
    "others": "ほか",
    "photo": "写真",
    "request": "お願い",
    "scene": "場面",
    "style": "画風",
    "tags": "タグの列",
    "things": "物",
}
"""Kinds of natural prompts, in Japanese."""


KINDS_OF_PICTURES: Final = {
    "single": "1 つの主題 · one subject",
    "newcomer": "最初に試されるプロンプト · what people type first",
    "pair": "2 つの主題 · two subjects",
    "riding": "乗る · riding",
    "count": "2〜5 個 · two to five of one thing",
    "side": "左か右 · left or right",
    "sides": "左に A、右に B · A left, B right",
    "place": "背景 · backgrounds",
    "empty": "場所だけ · places alone",
    "style": "画風 · styles",
    "person": "人 · people",
    "all": "全部 · all",
}
"""What was asked for, where it is measured by distance or by eye."""


def parts(figures: dict[str, Any]) -> dict[str, str]:
    """The figures as Markdown, by the part of the model card that they are for.

    ``pictures``: by distance and by eye, then by classifier, where one looked at them. ``translation``: where
    it was measured.
    """
    pictures = [*_pictures(figures), "", *_verdicts(figures), *_networks(figures), ""]
    made = {"pictures": pictures}
    if "translator" in figures:
        made["translation"] = _translations(figures["translator"])
    return {name: "\n".join(lines) + "\n" for name, lines in made.items()}


def _pictures(figures: dict[str, Any]) -> list[str]:
    """By distance from the true scene, by translation and by the adapter, and by eye."""
    panel = figures.get("panel", {"grader": "", "kinds": {}})
    distances = [figures.get(by, {}).get("psnr", {}) for by in ("model", "adapter")]
    lines = [
        "| | PSNR | アダプター · adapter, PSNR | n | 正しい · right | きれい · clean |",
        "|---|---|---|---|---|---|",
    ]
    for kind, name in KINDS_OF_PICTURES.items():
        seen = panel["kinds"].get(kind, {})
        if kind not in distances[0] and not seen:
            continue
        psnr = " | ".join(f"{of[kind]:.1f} dB" if kind in of else "–" for of in distances)
        count = f"{seen['pictures']:.0f}" if seen else "–"
        shares = " | ".join(_percent(seen.get(of)) for of in ("right", "clean"))
        lines.append(f"| {name} | {psnr} | {count} | {shares} |")
    if panel["grader"]:
        lines += ["", f"n 枚を見た人 · n pictures were graded by: {panel['grader']}"]
    return lines


def _verdicts(figures: dict[str, Any]) -> list[str]:
    """What the classifier, which cannot see blur, and the small CLIP say, as far as they were asked; and how
    often the background is nearest to the one that was asked for.
    """
    model, adapter, known = (figures.get(of, {}) for of in ("model", "adapter", "judge"))
    rows = [
        ("主題が 1 位 · subject first", "top1", known.get("top1")),
        ("主題が 5 位以内 · subject among five", "top5", known.get("top5")),
        ("背景（いちばん近いお手本）· background (the nearest)", "place", None),
        ("背景の色（いちばん近いお手本）· colour of the background (the nearest)", "color", None),
        ("2 つの主題（〜と〜）· two subjects", "pair", known.get("both")),
        ("乗る · riding", "riding", known.get("both")),
        ("左右（偶然なら 50 %）· left or right (chance: 50 %)", "side", None),
        ("英語を知らない言葉が 5 位以内 · words whose English it does not know, among five", "word", None),
        ("7 つの画風（偶然なら 13 %）· seven styles (chance: 13 %)", "style", known.get("style")),
    ]
    lines = [
        f"| {name} | {_percent(model[key])} | {_percent(adapter.get(key))} | {_percent(best)} |"
        for name, key, best in rows
        if key in model
    ]
    if "clip" in model:
        scores = (f"{of.get('clip'):.1f}" if "clip" in of else "–" for of in (model, adapter))
        lines.append(f"| CLIP スコア · CLIP score | {' | '.join(scores)} | – |")
    heads = ["| | mini | アダプター · adapter | 学習の絵 · training scenes |", "|---|---|---|---|"]
    return [*heads, *lines, ""] if lines else []


def _networks(figures: dict[str, Any]) -> list[str]:
    """The figures of other networks, which are not about single pictures."""
    lines = [f"- オートエンコーダー · autoencoder, PSNR: {figures['autoencoder_psnr']:.1f} dB"]
    if "clip" in figures:
        found = " / ".join(_percent(share) for share in figures["clip"].values())
        lines.append(
            "- 小さな CLIP、500 場面から 1 位で見つける（文 / 絵）"
            f" · small CLIP, first among 500 scenes (text / picture): {found}"
        )
    return lines


def _translations(said: Mapping[str, Any]) -> list[str]:
    """How well each set is translated, called what it is; the natural prompts with a table of their kinds."""
    lines = []
    for key, ja, en in SETS:
        for by, who_ja, who_en in (("", "", ""), ("_model", "、翻訳モデルだけ", ", its model alone")):
            if f"{key}{by}_bleu" in said:
                bleu, chrf = said[f"{key}{by}_bleu"], said[f"{key}{by}_chrf"]
                words = said.get(f"{key}{by}_content")
                told = "" if words is None else f", 内容語 · content words {_percent(words / 100)}"
                lines.append(f"- {ja}{who_ja} · {en}{who_en}: BLEU {bleu:.1f}, chrF {chrf:.1f}{told}")
    if "natural_kinds" in said:
        lines += [
            *(
                "",
                "| 自然なプロンプト · natural prompts | n | BLEU | chrF | 内容語 · content words |",
            ),
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {KINDS.get(kind, kind)} · {kind} | {of['prompts']:.0f} | {of['bleu']:.0f} | {of['chrf']:.0f} "
            f"| {_percent(of['content'] / 100)} |"
            for kind, of in said["natural_kinds"].items()
        ]
        lines.append("")
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
    """Put the figures into the model card, between their marks; parts that were not measured stay."""
    text = card.read_text(encoding="utf-8")
    for name, part in parts(figures).items():
        text = re.sub(PART.format(name), part.replace("\\", r"\\"), text, flags=re.DOTALL)
    card.write_text(text, encoding="utf-8")
