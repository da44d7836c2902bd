"""``sdjp explain``: the way a prompt takes, without drawing."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from typing import Final

from sdjp import errors
from sdjp.cli.options import text_options, user_words, wildcards_option
from sdjp.cli.parser import Parser
from sdjp.cli.prompts import prompts
from sdjp.cli.report import announce_addons, announce_guesses, announce_neighbours, each_variant
from sdjp.cli.speech import put, say
from sdjp.cli.templates import announce_template, explained
from sdjp.records import PromptInfo

BATCH = 64  # prompts translated together
HOW: Final = {
    "lexicon": "辞書",
    "user": "ユーザー辞書",
    "glossary": "和英辞典",
    "grammar": "文法",
    "counter": "数",
    "copied": "そのまま",
    "romaji": "ローマ字",
    "marian": "翻訳モデル",
    "guess": "推測",
    "request": "お願いの言葉",
}
"""How a part was translated, in Japanese; translators of others go by their own names."""


def parser() -> Parser:
    """The options of ``sdjp explain``."""
    en = errors.get_language() == "en"
    options = Parser(
        prog="sdjp explain",
        description="Show the way a prompt takes: normalized, parts, English, tokens."
        if en
        else "プロンプトがどう読まれるかを表示します（正規化、部分ごとの訳、英語、トークン数）。",
    )
    options.option("prompt", nargs="?", ja="プロンプト", en="the prompt")
    text_options(options)
    wildcards_option(options)
    options.option("--seed", type=int, default=0, metavar="N",
                   ja="{a|b} や __名前__ から選ぶシード（0）",
                   en="the seed that chooses from {a|b} and __NAME__ (0)")  # fmt: skip
    options.option("--model", "--ckpt", dest="model", default="mini", metavar="M",
                   ja="読むモデル（数えるトークンと、知っている語が違う）",
                   en="the model that reads it: tokens and known words are its own")  # fmt: skip
    options.option("--embeddings-dir", "--embeddings_dir", dest="embeddings_dir", metavar="D",
                   ja="textual inversion のファイルがあるフォルダー",
                   en="folder of textual inversion files")  # fmt: skip
    options.generation("num_inference_steps", "--steps", metavar="S")
    options.option(
        "--json", action="store_true", ja="1 行に 1 つの JSON で出力する", en="one JSON object a line"
    )
    return options


def run(args: argparse.Namespace) -> int:
    """Explain each prompt, as text or as JSON lines."""
    texts = prompts(args)
    explain = _explainer(args)
    while batch := list(itertools.islice(texts, BATCH)):
        chosen = [explained(args, text) for text in batch]
        for info, (_, template) in zip(explain([text for text, _ in chosen]), chosen, strict=True):
            if args.json:
                more = {} if template is None else {"template": template, "seed": args.seed}
                put(json.dumps({**info.to_json(), **more}, ensure_ascii=False))
            else:
                if template is not None:
                    announce_template(template, args.seed)
                show(info)
    return 0


def _explainer(args: argparse.Namespace) -> Callable[[list[str]], list[PromptInfo]]:
    """Ask the reader of the model that would draw; the embedded one need not be loaded for that."""
    from sdjp.text.read import check_prompt
    from sdjp.text.translate import adapter_of, make_translator

    if args.model != "mini" or adapter_of(args.translator)[0] or args.embeddings_dir is not None:
        from sdjp.pipeline import Pipeline

        pipe = Pipeline.from_pretrained(
            args.model,
            translator=args.translator,
            user_lexicon=user_words(args),
            embeddings_dir=args.embeddings_dir,
            safety="off",
            watermark=False,
            memory="sequential",  # no weights are read but those that are asked
        )
        return lambda texts: pipe.explain(
            texts, translate=args.translate, num_inference_steps=args.num_inference_steps
        )
    from sdjp.conditioning.reader import Reader
    from sdjp.config import MINI
    from sdjp.options import checked_steps

    reader = Reader.of_embedded(make_translator(args.translator, user_lexicon=user_words(args)))

    steps = checked_steps(args.num_inference_steps, default=MINI.defaults.num_inference_steps)

    def explain(texts: list[str]) -> list[PromptInfo]:
        parsed = [check_prompt(text) for text in texts]
        read = reader.read_schedules(parsed, [steps], translate=args.translate)
        return [prompt.info for prompt in read]

    return explain


def show(info: PromptInfo) -> None:
    """Print what became of one prompt."""
    say(ja=f"入力:     {info.source}", en=f"source:     {info.source}")
    say(ja=f"正規化:   {info.normalized}", en=f"normalized: {info.normalized}")
    for (ja, en), of in each_variant(info):
        say(ja=f"英語{ja}:     {of.english}", en=f"English{en}:    {of.english}")
    say(
        ja=f"トークン: {info.tokens} 個（75 個まで × {info.chunks} 組）",
        en=f"tokens:     {info.tokens} (in {info.chunks} × 75 at most)",
    )
    if info.truncated:
        say(ja=f"入りきらなかった部分: {info.truncated}", en=f"cut: {info.truncated}")
    if info.read:
        say(ja=f"解釈:     {info.read}（アダプター）", en=f"read as:    {info.read} (by the adapter)")
    announce_addons(info)
    if info.unknown:
        say(
            ja=f"わからなかった語: {'、'.join(info.unknown)}",
            en=f"not understood: {', '.join(info.unknown)}",
        )
    announce_guesses(info)
    announce_neighbours(info)
    for part in info.parts:
        line = f"  {part.source} → {part.english or '—'}  "
        say(ja=f"{line}[{HOW.get(part.how, part.how)}]", en=f"{line}[{part.how}]")
