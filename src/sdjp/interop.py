"""Japanese prompts for programs that read English, such as pipelines of diffusers.

::

    from sdjp import japanese, translate

    pipe(translate("馬に乗る宇宙飛行士")).images
    japanese(pipe)("馬に乗る宇宙飛行士", negative_prompt="文字").images
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, overload

from sdjp.choices import TranslateMode
from sdjp.errors import InputError
from sdjp.text.names import Names
from sdjp.text.read import check_prompt, to_english
from sdjp.text.translate import AUTO, TRANSLATORS, make_translator
from sdjp.text.translate.base import Translator

PROMPTS: Final = (
    "prompt",
    "prompt_2",
    "prompt_3",
    "negative_prompt",
    "negative_prompt_2",
    "negative_prompt_3",
)
"""Arguments of diffusers' pipelines that are prompts."""


@overload
def translate(
    prompt: str,
    *,
    translator: str | Translator = ...,
    user_lexicon: Path | Mapping[str, str] | None = ...,
    mode: TranslateMode = ...,
    empty: bool = ...,
    names: Iterable[str] = ...,
) -> str: ...
@overload
def translate(
    prompt: list[str] | tuple[str, ...],
    *,
    translator: str | Translator = ...,
    user_lexicon: Path | Mapping[str, str] | None = ...,
    mode: TranslateMode = ...,
    empty: bool = ...,
    names: Iterable[str] = ...,
) -> list[str]: ...
def translate(
    prompt: str | list[str] | tuple[str, ...],
    *,
    translator: str | Translator = AUTO,
    user_lexicon: Path | Mapping[str, str] | None = None,
    mode: TranslateMode = "auto",
    empty: bool = False,
    names: Iterable[str] = (),
) -> str | list[str]:
    """Return prompts in English, as a text encoder of sdjp would read them; brackets and tags stay.

    Args:
        prompt: One prompt, or several, which are translated as one batch.
        translator: As in :func:`sdjp.text.translate.make_translator`; what a name or a folder stands for is
            kept for the next call.
        user_lexicon: Your own words, as there; for those of ``sdjp words`` give ``sdjp.words_path()``.
        mode: ``"auto"`` (what is Japanese), ``"always"`` or ``"never"``.
        empty: Let a prompt without words pass, as negative prompts may be.
        names: What stays as it is wherever it stands, such as tokens added in training (``"<cat-toy>"``).

    Raises:
        InputError: If it is no prompt, or cannot be parsed.
        TranslationError: If it cannot be translated.
    """
    texts = list(prompt) if isinstance(prompt, list | tuple) else [prompt]
    prompts = [check_prompt(text, allow_empty=empty, drawn=False) for text in texts]
    english = to_english(
        prompts,
        translator=_kept(translator, user_lexicon),
        translate=mode,
        names=Names(dict.fromkeys(names, 1)),
    )
    return english if isinstance(prompt, list | tuple) else english[0]


def _kept(
    translator: str | os.PathLike[str] | Translator, words: Path | Mapping[str, str] | None = None
) -> Translator:
    """As ``make_translator``, but the last ones that were made by name are at hand."""
    if not isinstance(translator, str | Path):
        return make_translator(translator, user_lexicon=words)
    name, colon, folder = str(translator).partition(":")
    model = Path(folder if colon and name in TRANSLATORS else translator)
    stamp = () if translator in (AUTO, *TRANSLATORS) else _stamp(model)
    if isinstance(words, Mapping):
        if not all(isinstance(text, str) for pair in words.items() for text in pair):
            return make_translator(translator, user_lexicon=words)  # which says what is wrong
        return _made(translator, tuple(words.items()), stamp)
    return _made(translator, words, stamp if words is None else (*stamp, *_stamp(Path(words))))


@lru_cache(maxsize=4)
def _made(
    translator: str | Path,
    words: Path | tuple[tuple[str, str], ...] | None,
    stamp: tuple[tuple[str, int, int], ...],
) -> Translator:
    return make_translator(translator, user_lexicon=dict(words) if isinstance(words, tuple) else words)


def _stamp(place: Path) -> tuple[tuple[str, int, int], ...]:
    """A stamp of a file, or of those in a folder: another once they are replaced, empty without any."""
    files = place.iterdir() if place.is_dir() else [place]
    found = ((file.name, file.stat()) for file in files if file.is_file())
    return tuple(sorted((name, of.st_mtime_ns, of.st_size) for name, of in found))


class JapanesePipeline:
    """A pipeline of diffusers that takes Japanese prompts; whatever else it has is reached through this.

    Attributes:
        pipe: The pipeline itself.
        translator: What its prompts are translated with.
    """

    def __init__(self, pipe: Callable[..., Any], translator: Translator) -> None:
        self.pipe = pipe
        self.translator = translator

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the pipeline; prompts and negative prompts become English, the rest is passed on as it is."""
        signature = inspect.signature(self.pipe)
        names = _added(self.pipe)
        given = signature.bind_partial(*args, **kwargs)
        rest = [p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD]
        for arguments in (given.arguments, *(given.arguments.get(name, {}) for name in rest)):
            for name in set(PROMPTS) & set(arguments):
                if arguments[name] is not None:
                    arguments[name] = translate(
                        arguments[name], translator=self.translator, empty=True, names=names
                    )
        return self.pipe(*given.args, **given.kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "pipe":  # not set yet, as while being unpickled
            raise AttributeError(name)
        return getattr(self.pipe, name)


def _added(pipe: object) -> list[str]:
    """The tokens that the tokenizer of a pipeline was given in training, or by textual inversion."""
    vocabulary: dict[str, int] = getattr(getattr(pipe, "tokenizer", None), "get_added_vocab", dict)()
    return [name for name in vocabulary if not (name.startswith("<|") and name.endswith("|>"))]


def japanese(
    pipe: Callable[..., Any],
    *,
    translator: str | Translator = AUTO,
    user_lexicon: Path | Mapping[str, str] | None = None,
) -> JapanesePipeline:
    """Let a pipeline of diffusers (any kind) take Japanese prompts and negative prompts.

    Args:
        pipe: The loaded pipeline; it is not changed.
        translator: As in :func:`sdjp.text.translate.make_translator`.
        user_lexicon: Your own words, as there.

    Raises:
        InputError: If ``pipe`` cannot be called, or there is no such translator.
    """
    if not callable(pipe):
        raise InputError(
            "japanese.pipeline",
            ja="japanese() には diffusers のパイプラインを渡してください"
            f"（{type(pipe).__name__} が渡されました）。",
            en=f"japanese() takes a pipeline of diffusers, not {type(pipe).__name__}.",
        )
    return JapanesePipeline(pipe, make_translator(translator, user_lexicon=user_lexicon))
