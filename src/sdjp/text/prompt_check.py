"""The check of prompts: says which words of a list stand in one, and refuses it if that is wanted.

Words tell little about a picture. This is a step of its own, apart from the checker that looks at pictures;
it looks at what was typed and at its English, never at negative prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from sdjp.choices import PromptCheck
from sdjp.errors import InputError
from sdjp.records import PromptInfo, Report
from sdjp.text.word_list import WordList, read, shipped

PROMPT_CHECKS: Final = get_args(PromptCheck)
NAME: Final = "prompt_check"


@dataclass(frozen=True, kw_only=True)
class PromptChecker:
    """Looks for words in prompts.

    Attributes:
        mode: ``"flag"`` says what was found; ``"refuse"`` draws nothing then; ``"off"`` looks at nothing.
        words: What to look for.
    """

    mode: PromptCheck = "flag"
    words: WordList = field(default_factory=shipped)

    def check(self, infos: Sequence[PromptInfo | None]) -> list[Report]:
        """Look at prompts that were read; None stands for text states, which have no words.

        Raises:
            InputError: If the mode is ``"refuse"`` and there is a word in any of them.
        """
        found = [() if info is None or self.mode == "off" else self._find(info) for info in infos]
        if self.mode == "refuse" and any(found):
            raise _refused([w for words in found for w in words])
        return [self._report(info, words) for info, words in zip(infos, found, strict=True)]

    def _find(self, info: PromptInfo) -> tuple[dict[str, str], ...]:
        """The words in the prompt as it was typed, then those that only its English has, at whatever step."""
        hits: dict[str, dict[str, str]] = {}
        infos = [info, *(variant.prompt for variant in info.variants)]
        texts = [("source", of.source) for of in infos] + [("english", of.english) for of in infos]
        for where, text in texts:
            for word in self.words.find(text):
                hits.setdefault(word.word, {"word": word.word, "category": word.category, "where": where})
        return tuple(hits.values())

    def _report(self, info: PromptInfo | None, words: Sequence[dict[str, str]]) -> Report:
        if self.mode == "off":
            return Report(
                name=NAME,
                status="off",
                ja="プロンプトの確認はオフです。",
                en="the check of the prompt is off.",
                data={"checked": False},
            )
        if info is None:
            return Report(
                name=NAME,
                status="skipped",
                ja="プロンプトの文字がない（prompt_embeds が渡された）ため、語は確認していません。",
                en="there is no text to check: prompt_embeds were given.",
                data={"checked": False},
            )
        data: dict[str, Any] = {"checked": True, "flagged": bool(words), "words": list(words)}
        ja, en = "プロンプトに、一覧にある語はありません。", "no word of the list is in the prompt."
        if words:
            ja = f"プロンプトに注意する語があります: {_listed(words, 'ja')}。"
            en = f"the prompt has words of the list: {_listed(words, 'en')}."
        return Report(name=NAME, status="done", ja=ja, en=en, data=data)


def make_prompt_checker(mode: PromptCheck, *, words: str | Path | None = None) -> PromptChecker:
    """Make the check of prompts.

    Args:
        mode: ``"off"``, ``"flag"`` or ``"refuse"``.
        words: A file of more words, of the form that :mod:`sdjp.text.word_list` tells; its lines come after
            those of sdjp and can take words away. With ``"off"`` it is not opened.

    Raises:
        InputError: If the mode is another, or the file is not usable.
    """
    if not isinstance(mode, str) or mode not in PROMPT_CHECKS:
        allowed = ", ".join(map(repr, PROMPT_CHECKS))
        raise InputError(
            "prompt_check.unknown",
            ja=f"prompt_check に {mode!r} は使えません。使える値: {allowed}",
            en=f"prompt_check cannot be {mode!r}. Allowed: {allowed}",
        )
    if mode == "off":
        return PromptChecker(mode=mode, words=WordList(()))
    return PromptChecker(mode=mode, words=shipped() if words is None else shipped() + read(words))


def _listed(words: Sequence[dict[str, str]], language: str) -> str:
    if language == "ja":
        return "、".join(f"「{w['word']}」" + ("（英訳）" if w["where"] == "english" else "") for w in words)
    return ", ".join(
        f"'{w['word']}'" + (" (in its English)" if w["where"] == "english" else "") for w in words
    )


def _refused(words: Sequence[dict[str, str]]) -> InputError:
    unique = list({w["word"]: w for w in words}.values())
    return InputError(
        "prompt.refused",
        ja=f"プロンプトに、描かない設定になっている語があります: {_listed(unique, 'ja')}。"
        "言葉を変えるか、prompt_check='flag'（コマンドでは --prompt-check flag）を指定してください。"
        "別の意味で使っているときは、語の一覧に例外を足せます。",
        en=f"the prompt has words that are set not to be drawn: {_listed(unique, 'en')}. "
        "Change it, or use prompt_check='flag' (--prompt-check flag on the command line). "
        "If they mean something else here, add an exception to the list of words.",
    )
