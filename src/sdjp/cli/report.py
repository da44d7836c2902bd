"""Messages of the command line about prompts and pictures, and the saving of pictures."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sdjp.cli.speech import say

if TYPE_CHECKING:
    from sdjp.addons.turbo import Turbo
    from sdjp.options import ResolvedOptions
    from sdjp.records import PromptInfo, Report
    from sdjp.result import GenerationResult
    from sdjp.weights import LoadReport

GRID: Final = 256
"""Pictures that a grid takes at most."""


class Output:
    """The pictures of one command: their checks are told, they are saved, and kept for the grid.

    Attributes:
        count: Pictures so far.
        kept: The results that the grid takes: a file of prompts of any length must not fill the memory.
        announced: What of the checks needs no second telling.
        verbose: Whether to tell what went well, too.
        form: ``format`` and ``quality`` of the files.
    """

    def __init__(self, *, verbose: bool = False, form: Mapping[str, Any] | None = None) -> None:
        self.verbose = verbose
        self.form = form or {}
        self.count = 0
        self.kept: list[GenerationResult] = []
        self.announced: set[str] = set()

    def take(self, result: GenerationResult, folder: Path | None, *, at_least: int = 0) -> list[Path]:
        """Say what the checks found, and save the pictures in ``folder``, if there is one, at once.

        Returns:
            Their files.
        """
        announce_checks(result, self.announced, verbose=self.verbose)
        self.count += len(result)
        if self.count <= GRID:
            self.kept.append(result)
        if folder is None:
            return []
        paths = result.save(folder, at_least=at_least, **self.form)
        for path, seed in zip(paths, result.seeds, strict=True):
            say(ja=f"保存しました: {path}（シード {seed}）", en=f"saved: {path} (seed {seed})")
        return paths

    def save_grid(self, folder: Path, *, columns: int) -> None:
        """Write the pictures that were kept in one, and say so."""
        from sdjp.result import GenerationResult

        together = GenerationResult.merge(self.kept)
        path = together.save_grid(folder, columns=columns, **self.form)
        say(ja=f"一覧: {path}", en=f"grid: {path}")
        if self.count > len(together):
            say(ja=f"一覧に入れたのは、最初の {len(together)} 枚だけです。",
                en=f"only the first {len(together)} pictures are in the grid.")  # fmt: skip


def announce_load(report: LoadReport) -> None:
    """Say what of a model's settings is not followed."""
    for ja, en in report.notes:
        say(ja=f"注意: {ja}", en=f"note: {en}", file=sys.stderr)


def announce_prompt(info: PromptInfo) -> None:
    """Say the text that was drawn, and whatever the user has to know of it."""
    from sdjp.text.script import is_japanese

    for (ja, en), of in each_variant(info):
        # Of a model that reads it, or nothing was to be translated. Tags and names are never translated.
        # Neither is text in quotes that is to be written in the picture.
        japanese = any(is_japanese(re.sub('"[^"]*"', "", part.english)) for part in of.parts)
        say(
            ja=f"{'訳さない文' if japanese else '英語'}{ja}: {of.english}",
            en=f"{'not translated' if japanese else 'English'}{en}: {of.english}",
        )
    if info.read:
        say(ja=f"アダプターの解釈: {info.read}", en=f"read by the adapter as: {info.read}")
    announce_addons(info)
    if info.unknown:
        say(
            ja=f"わからなかった語: {'、'.join(info.unknown)}",
            en=f"not understood: {', '.join(info.unknown)}",
            file=sys.stderr,
        )
    announce_guesses(info)
    announce_neighbours(info)
    if info.truncated:
        say(ja=f"入りきらなかった部分: {info.truncated}", en=f"cut: {info.truncated}", file=sys.stderr)


def each_variant(info: PromptInfo) -> list[tuple[tuple[str, str], PromptInfo]]:
    """What a prompt is at which steps, each with when and how much it counts, in Japanese and English.

    A prompt that is the same at all steps is one, of which nothing needs to be said.
    """
    found = []
    joined = any(variant.conjunct > 1 for variant in info.variants)
    for variant in info.variants:
        steps = ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in variant.steps)
        weight = f"{variant.weight:g}"
        ja = f"（ステップ {steps}" + (f"、AND の {variant.conjunct}、重み {weight}）" if joined else "）")
        en = f" (steps {steps}" + (f", AND {variant.conjunct}, weight {weight})" if joined else ")")
        found.append(((ja, en), variant.prompt))
    return found or [(("", ""), info)]


def announce_unused_text(info: PromptInfo) -> None:
    """Say what of a prompt is never its turn."""
    if info.unused:
        say(
            ja=f"このステップ数では使われない部分: {'、'.join(info.unused)}",
            en=f"not used with these steps: {', '.join(info.unused)}",
            file=sys.stderr,
        )


def announce_negative(info: PromptInfo, announced: set[str]) -> None:
    """Say once of a negative prompt which words the model has never seen."""
    near = "、".join(f"{word} → {instead or '—'}" for word, instead in info.neighbours)
    if near and near not in announced:
        announced.add(near)
        say(
            ja=f"ネガティブプロンプトの、このモデルが知らない語と、代わりの語: {near}",
            en=f"of the negative prompt, never seen by this model, and what stands for it: {near}",
            file=sys.stderr,
        )


def announce_guesses(info: PromptInfo) -> None:
    """Say what was guessed at, and what is in a language that is not translated."""
    guesses = [f"{part.source.strip()} → {part.english}" for part in info.guesses]
    if guesses:
        say(
            ja=f"自信のない訳（直すには sdjp words add）: {'、'.join(guesses)}",
            en=f"guessed at (mend with sdjp words add): {', '.join(guesses)}",
            file=sys.stderr,
        )
    for text, language in info.foreign:
        ja, en = {"zh": ("中国語", "Chinese"), "ko": ("韓国語", "Korean")}[language]
        say(
            ja=f"{ja}は訳せないので、そのまま使いました（日本語か英語で書いてください）: {text}",
            en=f"{en} is not translated and was used as it is (write Japanese or English): {text}",
            file=sys.stderr,
        )


def announce_neighbours(info: PromptInfo) -> None:
    """Say which words the model has never seen."""
    near = [f"{word} → {instead}" for word, instead in info.neighbours if instead]
    alone = [word for word, instead in info.neighbours if not instead]
    if near:
        say(
            ja=f"このモデルが知らないため、近いもので描いた語: {'、'.join(near)}",
            en=f"never seen by this model, drawn as what is nearest: {', '.join(near)}",
            file=sys.stderr,
        )
    if alone:
        say(
            ja=f"このモデルが知らない語（絵に表れないことがあります）: {'、'.join(alone)}",
            en=f"never seen by this model (they may not show): {', '.join(alone)}",
            file=sys.stderr,
        )


def announce_addons(info: PromptInfo) -> None:
    """Say which names stand for vectors, and which tags do nothing."""
    if info.loras:
        loras = ", ".join(f"{name} ({weight:g})" for name, weight in info.loras)
        say(ja=f"LoRA: {loras}", en=f"LoRA: {loras}")
    if info.embeddings:
        names = ", ".join(info.embeddings)
        say(ja=f"textual inversion: {names}", en=f"textual inversion: {names}")
    if info.ignored:
        tags = " ".join(info.ignored)
        say(ja=f"効果のないタグ: {tags}", en=f"tags that do nothing: {tags}", file=sys.stderr)
    announce_unused_text(info)
    announce_marks(info)


def announce_marks(info: PromptInfo) -> None:
    """Say which syntax of other programs is only characters here."""
    from sdjp.text.prompt import marks, parse

    sources = [of.source for _, of in each_variant(info)]
    found = " ".join(dict.fromkeys(mark for source in sources for mark in marks(parse(source))))
    if found:
        say(
            ja=f"効果のない記号（文字として読みます）: {found}",
            en=f"signs that do nothing (they are read as characters): {found}",
            file=sys.stderr,
        )


def announce_unused(result: GenerationResult) -> None:
    """Say what had no effect: tensors of LoRAs and ControlNets, a negative prompt without guidance."""
    for report in result.reports[0]:
        unused = report.name in ("lora", "controlnet") and report.data.get("unused")
        if unused or report.name == "negative_prompt":
            say(ja=f"注意: {report.ja}", en=f"note: {report.en}", file=sys.stderr)


def announce_turbo(turbo: Turbo | None, options: ResolvedOptions, announced: set[str]) -> None:
    """Say once what ``--turbo`` chose, and what is drawn with."""
    if turbo is None or str(turbo) in announced:
        return
    announced.add(str(turbo))
    steps, scale = options.num_inference_steps, options.guidance_scale
    say(
        ja=f"--turbo: LoRA「{turbo.lora}」に合わせて、プリセット {turbo.preset} を選びました"
        f"（サンプラー {options.sampler}、{steps} ステップ、ガイダンス {scale:g}）",
        en=f"--turbo: preset {turbo.preset}, for the LoRA {turbo.lora!r} "
        f"(sampler {options.sampler}, {steps} steps, guidance {scale:g})",
    )


def announce_image_prompt(result: GenerationResult) -> None:
    """Say which pictures were a prompt, if any were."""
    for report in result.reports[0]:
        if report.name == "image_prompt":
            say(ja=f"画像プロンプト: {report.ja}", en=f"image prompt: {report.en}")


def announce_checks(result: GenerationResult, announced: set[str], *, verbose: bool = False) -> None:
    """Say what the checks found, on standard error.

    Args:
        result: What was drawn.
        announced: What needs no second telling; what is told now is added.
        verbose: Whether to tell what went well, too.
    """
    for seed, info, reports in zip(result.seeds, result.prompts, result.reports, strict=True):
        for report in reports:
            flagged = report.data.get("flagged") is True
            if (
                report.name == "prompt_check"
                and flagged
                and info is not None
                and info.source not in announced
            ):
                announced.add(info.source)
                say(ja=f"注意: {report.ja}", en=f"note: {report.en}", file=sys.stderr)
            elif report.name == "safety" and (
                flagged or report.status == "failed" or report.data.get("action", "none") != "none"
            ):
                say(
                    ja=f"注意（シード {seed}）: {report.ja}",
                    en=f"note (seed {seed}): {report.en}",
                    file=sys.stderr,
                )
            elif report.name == "watermark":
                announce_watermark(report, seed, announced, verbose=verbose)


def announce_watermark(report: Report, seed: int, announced: set[str], *, verbose: bool) -> None:
    """Say on standard error where a picture has no watermark; if asked, once a run, its method."""
    method = f"watermark {report.data.get('method')}"
    if report.status in ("skipped", "failed"):
        say(
            ja=f"注意（シード {seed}）: {report.ja}",
            en=f"note (seed {seed}): {report.en}",
            file=sys.stderr,
        )
    elif verbose and report.status == "done" and method not in announced:
        announced.add(method)
        say(
            ja=f"透かし（シード {seed}）: {report.ja}",
            en=f"watermark (seed {seed}): {report.en}",
            file=sys.stderr,
        )
