"""``--attention``: which word drew what, as pictures beside the pictures."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sdjp.cli.parser import Parser
from sdjp.cli.speech import say
from sdjp.errors import InputError, OutputError

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline
    from sdjp.result import GenerationResult

_BETWEEN: Final = re.compile("[,，、]")
_NOT_IN_NAMES: Final = re.compile(r'[<>:"/\\|?*\s\x00-\x1f\x7f\ud800-\udfff]+')


def attention_option(parser: Parser) -> None:
    """The words that are asked for."""
    parser.option("--attention", dest="attention_words", action="append", default=[], metavar="WORD",
                  ja="この語がどこを描いたかを色で示した絵も保存する（コンマで並べるか、何度でも指定できる）",
                  en="write a picture, too, of where this word was drawn (several with commas, or several "
                     "times)")  # fmt: skip


def asked_words(args: argparse.Namespace) -> tuple[str, ...]:
    """The words of ``--attention``, each once.

    Raises:
        InputError: If one is empty or no part of a file name, or no pictures are saved.
    """
    from sdjp.images import check_names

    texts = [word.strip() for text in args.attention_words for word in _BETWEEN.split(text)]
    words = tuple(dict.fromkeys(texts))
    if "" in words:
        raise InputError(
            "attention.empty",
            ja="--attention に語がありません。プロンプトの中の語を指定してください（例: --attention 馬）。",
            en="--attention has no word. Give one of the prompt, such as --attention horse.",
        )
    if words and args.skip_save:
        raise InputError(
            "attention.skip_save",
            ja="--attention の絵は 1 枚ずつの絵と並べて保存するので、--skip_save とは一緒に使えません。",
            en="the pictures of --attention are saved beside the single pictures: leave --skip_save out.",
        )
    check_names([_name("00000", word) for word in words], len(words))
    return words


def check_words(args: argparse.Namespace, pipe: Pipeline, text: str, words: Sequence[str]) -> None:
    """See that the words are in a prompt, before it is drawn.

    Raises:
        InputError: If one is not, or the prompt cannot be read.
    """
    from sdjp.text.read import check_prompt

    if words:
        [read] = pipe.reader.read([check_prompt(text)], translate=args.translate)
        alignment = pipe.reader.align(read)
        for word in words:
            alignment.places(word)


def save_overlays(result: GenerationResult, paths: Sequence[Path], words: Sequence[str]) -> None:
    """Write ``NAME-WORD.png`` beside each picture; say of which word there is nothing in its prompt.

    Args:
        result: The pictures.
        paths: Where they were saved.
        words: What is asked for.

    Raises:
        OutputError: If one cannot be written.
    """
    from sdjp.images import encode
    from sdjp.postprocess import run as postprocess

    for index, path in enumerate(paths):
        for word in words:
            try:
                overlay = result.attention(word, index).overlay()
            except InputError as error:
                say(
                    ja=f"注意（{path.name}）: {error.ja}",
                    en=f"note ({path.name}): {error.en}",
                    file=sys.stderr,
                )
                continue
            [marked], _ = postprocess(result.marks, [overlay])
            saved = _saved(encode(marked, provenance=result.provenance), path, word)
            say(ja=f"「{word}」のところ: {saved}", en=f"where {word} is: {saved}")


def _saved(overlay: bytes, path: Path, word: str) -> Path:
    """Save under a name that is free: a picture of before may have had the number of this one."""
    from sdjp.images import save_as

    for number in itertools.count(1):
        name = _name(path.stem, word if number == 1 else f"{word}-{number}")
        try:
            return save_as(overlay, path.with_name(name))
        except OutputError as error:
            if error.code != "output.exists":
                raise
    raise AssertionError  # count() does not end


def _name(stem: str, word: str) -> str:
    return f"{stem}-{_NOT_IN_NAMES.sub('_', word)}.png"
