"""From a Japanese prompt to text states: the lexicon at first and later, alone and in a batch; the encoder.

    python examples/bench/text.py

Milliseconds for each prompt; the encoder has the size of Stable Diffusion v1 and random weights. "Again" is
what a prompt takes that was read lately. The prompts are in ``prompts.txt``, and README.md tells where they
come from.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import part
import torch
from machine import BUSY, Neighbours
from paired import Spread, compare

import sdjp
from sdjp.conditioning.cache import StateCache
from sdjp.conditioning.encode import encode
from sdjp.config import SD_V1, TINY
from sdjp.device import bfloat16_is_fast
from sdjp.models import make_text_encoder
from sdjp.text.read import read
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator

COMMON: Final = "馬に乗る宇宙飛行士"
PROMPTS: Final = Path(__file__).with_name("prompts.txt")
FIRST: Final = f"""
import time
start = time.perf_counter()
import sdjp
sdjp.translate({COMMON!r})
print(time.perf_counter() - start)
"""
REPEAT: Final = 10
"""Calls in one measurement of what takes a millisecond or less."""

Case = tuple[dict[str, str], int, Callable[[], object]]
"""What it is, how many prompts one call takes, the call."""


def fresh(rounds: int) -> list[tuple[dict[str, str], Spread]]:
    """Milliseconds of processes that start, translate one prompt and end; their modules are compiled."""
    whole, first = [], []
    with TemporaryDirectory() as folder:
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        env["PYTHONPYCACHEPREFIX"] = folder
        for _ in range(rounds + 1):
            start = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", FIRST], env=env, stdout=subprocess.PIPE, check=True)
            whole.append(1_000 * (time.perf_counter() - start))
            first.append(1_000 * float(done.stdout))
    return [  # without the round that compiles
        (
            {
                "ja": "新しいプロセスで 1 件（起動と終了を含む）",
                "en": "one in a fresh process, start and end included",
            },
            Spread.of(whole[1:]),
        ),
        ({"ja": "そのうち、import と翻訳", "en": "of it, importing and translating"}, Spread.of(first[1:])),
    ]


def translation(texts: Sequence[str]) -> list[Case]:
    """Japanese to English by the lexicon."""
    lexicon = make_translator("lexicon")
    count = f"{len(texts):,}"

    def afresh(prompts: Sequence[str]) -> None:
        sdjp.translate(list(prompts), translator=make_translator("lexicon"))

    return [
        (
            {"ja": "よくあるプロンプトの翻訳", "en": "translating a common prompt"},
            REPEAT,
            lambda: [afresh([COMMON]) for _ in range(REPEAT)],
        ),
        (
            {"ja": "もう一度、同じプロンプトの翻訳", "en": "translating the same again"},
            REPEAT,
            lambda: [sdjp.translate(COMMON, translator=lexicon) for _ in range(REPEAT)],
        ),
        (
            {"ja": f"{count} 件をまとめて翻訳", "en": f"translating {count} as one batch"},
            len(texts),
            lambda: afresh(texts),
        ),
    ]


def encoding(texts: Sequence[str], *, tiny: bool) -> list[Case]:
    """English to text states."""
    config = TINY if tiny else SD_V1
    torch.manual_seed(0)
    dtype = torch.bfloat16 if bfloat16_is_fast() else torch.float32
    model = make_text_encoder(config.text).eval().requires_grad_(False).to(dtype)
    given = read(
        ["", COMMON, *texts], translator=make_translator("lexicon"), tokenizer=ClipTokenizer.from_assets()
    )
    empty, common, *others = [prompt.chunks for prompt in given]
    cache = StateCache()
    name, count = str(dtype).removeprefix("torch."), len(others)
    return [
        (
            {"ja": f"テキストエンコーダー、1 件（{name}）", "en": f"the text encoder, one prompt ({name})"},
            1,
            lambda: encode(model, [common], empty),
        ),
        (
            {"ja": "もう一度、同じプロンプト", "en": "the same prompt again"},
            1,
            lambda: encode(model, [common], empty, cache),
        ),
        (
            {
                "ja": f"テキストエンコーダー、{count} 件をまとめて",
                "en": f"the text encoder, {count} as one batch",
            },
            count,
            lambda: encode(model, others, empty),
        ),
        (
            {"ja": f"もう一度、同じ {count} 件", "en": f"the same {count} again"},
            count,
            lambda: encode(model, others, empty, cache),
        ),
    ]


def measure(*, tiny: bool = False, rounds: int = 7) -> list[dict[str, object]]:
    """One row for each case; what comes "again" was called once before."""
    texts = PROMPTS.read_text(encoding="utf-8").splitlines()[: 20 if tiny else None]
    watched = Neighbours()
    found = fresh(rounds)
    for cases in (translation(texts), encoding(texts[: 8 if tiny else 64], tiny=tiny)):
        timings = compare({case["en"]: call for case, _, call in cases}, rounds=rounds)
        found += [(case, each(timings.spread(case["en"]), prompts)) for case, prompts, _ in cases]
    others = watched.share()
    quiet = others is None or others < BUSY
    return [
        {"case": case, "milliseconds": spread.to_json(), "rounds": rounds, "others": others, "quiet": quiet}
        for case, spread in found
    ]


def each(seconds: Spread, prompts: int) -> Spread:
    """Milliseconds for one of ``prompts``."""
    low, median, high = (1_000 * value / prompts for value in (seconds.low, seconds.median, seconds.high))
    return Spread(median=median, low=low, high=high)


if __name__ == "__main__":
    part.main(__doc__, "text", measure)
