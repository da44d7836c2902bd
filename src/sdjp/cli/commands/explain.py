"""``sdjp explain``: the way a prompt takes, without drawing."""

from __future__ import annotations

import argparse
import json

from sdjp import errors
from sdjp.cli.addons import announce_addons
from sdjp.cli.options import text_options
from sdjp.cli.parser import Parser
from sdjp.cli.prompts import prompts
from sdjp.cli.speech import say
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.types import PromptInfo

BATCH = 64  # prompts translated together
ADAPTER = "adapter"  # of the embedded model


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
    options.option(
        "--json", action="store_true", ja="1 行に 1 つの JSON で出力する", en="one JSON object a line"
    )
    return options


def run(args: argparse.Namespace) -> int:
    """Explain each prompt, as text or as JSON lines."""
    from sdjp.text.read import check_prompt, read
    from sdjp.text.translate import make_translator

    if args.translator == ADAPTER:  # what it makes of a prompt takes the model that it is of
        from sdjp.pipeline import Pipeline

        pipe = Pipeline.from_pretrained(translator=ADAPTER, safety="off", watermark=False)

        def told(batch: list[str]) -> list[PromptInfo]:
            return pipe.explain(batch, translate=args.translate)
    else:
        translator, tokenizer = make_translator(args.translator), _tokenizer(args.translator)

        def told(batch: list[str]) -> list[PromptInfo]:
            for text in batch:
                check_prompt(text)
            found = read(batch, translator=translator, tokenizer=tokenizer, translate=args.translate)
            return [prompt.info for prompt in found]

    def explain(batch: list[str]) -> None:
        for info in told(batch):
            if args.json:
                print(json.dumps(info.to_json(), ensure_ascii=False), flush=True)
            else:
                show(info)

    batch: list[str] = []
    for text in prompts(args):
        batch.append(text)
        if len(batch) == BATCH:
            explain(batch)
            batch = []
    if batch:
        explain(batch)
    return 0


def _tokenizer(translator: str) -> Tokenizer:
    """CLIP's, or that of the adapter that reads the prompt."""
    from sdjp.text.tokenizers.clip import ClipTokenizer
    from sdjp.text.translate import adapter_of

    adapts, folder = adapter_of(translator)
    if not adapts:
        return ClipTokenizer.from_assets()
    from sdjp.text.tokenizers.pieces import SentencePieceTokenizer
    from sdjp.weights.parts.adapter import VOCABULARY, adapter_folder

    return SentencePieceTokenizer.plain(adapter_folder(folder, model="mini") / VOCABULARY)


def show(info: PromptInfo) -> None:
    """Print what became of one prompt."""
    say(ja=f"入力:     {info.source}", en=f"source:     {info.source}")
    say(ja=f"正規化:   {info.normalized}", en=f"normalized: {info.normalized}")
    say(ja=f"英語:     {info.english}", en=f"English:    {info.english}")
    say(
        ja=f"トークン: {info.tokens}（75 個ずつ {info.chunks} 組）",
        en=f"tokens:     {info.tokens} ({info.chunks} chunks of 75)",
    )
    if info.truncated:
        say(ja=f"入らなかった部分: {info.truncated}", en=f"cut: {info.truncated}")
    if info.read:
        say(ja=f"解釈:     {info.read}（アダプター）", en=f"read as:    {info.read} (by the adapter)")
    announce_addons(info)
    if info.unknown:
        words = "、".join(info.unknown)
        say(ja=f"わからなかった語（ローマ字にしました）: {words}", en=f"not understood (spelt out): {words}")
    for part in info.parts:
        print(f"  {part.source} → {part.english or '—'}  [{part.how}]")
