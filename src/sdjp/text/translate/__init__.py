"""Translators from Japanese to English, behind one protocol.

How to add one:

1. Write ``translate/<name>.py`` with a class that has ``name`` and ``translate`` (see :class:`Translator` in
   ``base.py``). Import what is heavy inside the functions that need it.
2. Write a factory here that imports the class and passes its keyword arguments on, and give it a line in
   :data:`TRANSLATORS`.
3. The tests in ``tests/contract/test_translators.py`` find it there. If it cannot be made
   without arguments, put them into ``OPTIONS`` there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from sdjp.errors import InputError
from sdjp.text.translate.base import Piece, Translation, Translator

__all__ = [
    "ADAPTER",
    "AUTO",
    "TRANSLATORS",
    "Piece",
    "Translation",
    "Translator",
    "adapter_of",
    "make_translator",
    "takes_words",
]

AUTO: Final = "auto"
"""In place of a translator's name: whichever suits the model; ``combined``, if it reads English."""
ADAPTER: Final = "adapter"
"""In place of a translator's name: none, for an adapter reads Japanese before the text encoder."""


def adapter_of(translator: object) -> tuple[bool, str | None]:
    """Tell whether ``translator`` asks for an adapter, and the folder of which; None for the model's own."""
    if not isinstance(translator, str):
        return False, None
    kind, colon, folder = translator.partition(":")
    return kind == ADAPTER, folder if colon and folder else None


def takes_words(translator: object) -> bool:
    """Tell whether ``translator`` is the name of one that looks words up, and so in a user's table, too."""
    return isinstance(translator, str) and translator.partition(":")[0] in (AUTO, "combined", "lexicon")


def _passthrough(**options: Any) -> Translator:
    from sdjp.text.translate.passthrough import PassthroughTranslator

    return PassthroughTranslator(**options)


def _lexicon(**options: Any) -> Translator:
    from sdjp.text.translate.lexicon import LexiconTranslator

    return LexiconTranslator(**options)


def _combined(model: str | os.PathLike[str] | None = None, **options: Any) -> Translator:
    from sdjp.text.translate.combined import EMBEDDED, CombinedTranslator

    return CombinedTranslator(EMBEDDED if model is None else model, **options)


def _marian(model: str | os.PathLike[str] | None = None, **options: Any) -> Translator:
    from sdjp.text.translate.marian import MarianTranslator

    if model is None:
        raise InputError(
            "translator.model",
            ja="翻訳器 marian にはモデルの指定が必要です。'marian:フォルダー' か 'marian:Hub の ID'"
            "（例: marian:staka/fugumt-ja-en）のように書いてください。",
            en="the translator marian needs a model: write 'marian:FOLDER' or 'marian:HUB_ID' "
            "(for example marian:staka/fugumt-ja-en).",
        )
    return MarianTranslator(model, **options)


TRANSLATORS: Final[Mapping[str, Callable[..., Translator]]] = MappingProxyType(
    {
        "combined": _combined,
        "lexicon": _lexicon,
        "marian": _marian,
        "passthrough": _passthrough,
    }
)
"""Registry name to a factory; keyword arguments go to the class. Nothing is imported before it is called."""


def make_translator(
    translator: str | os.PathLike[str] | Translator,
    *,
    user_lexicon: Path | Mapping[str, str] | None = None,
    **options: Any,
) -> Translator:
    """Return the translator that ``translator`` names.

    Args:
        translator: An object with ``translate`` (returned as it is), a name in :data:`TRANSLATORS`,
            ``"auto"`` (``combined``), ``"marian:<folder or hub id>"``, ``"combined:<folder>"``, an existing
            folder with a Marian model, or ``"adapter"`` (nothing is translated). A hub id is only ever used
            behind ``marian:``.
        user_lexicon: The user's own words, for a translator that looks words up: a TSV file
            ``ja<TAB>en[<TAB>category]``, or a mapping.
        **options: Passed to the translator's class.

    Raises:
        InputError: If nothing of that name exists, options are given with an object, or words with a
            translator that has no use for them.
        WeightsError: If a folder holds no Marian model.
    """
    if user_lexicon is not None:
        if not takes_words(translator):
            named = translator if isinstance(translator, str | Path) else type(translator).__name__
            raise InputError(
                "translator.user_lexicon",
                ja=f"翻訳器 {named} は辞書を引かないので、user_lexicon を使えません。"
                "auto、combined、lexicon のどれかにしてください。",
                en=f"the translator {named} looks no words up, so it has no use for user_lexicon. "
                "Choose auto, combined or lexicon.",
            )
        options["user_lexicon"] = user_lexicon
    if isinstance(translator, Translator):
        if options:
            raise InputError(
                "translator.options",
                ja=f"作成済みの翻訳器には設定を渡せません: {', '.join(sorted(options))}。"
                "翻訳器を作るときに指定してください。",
                en=f"a translator object takes no further options: {', '.join(sorted(options))}. "
                "Give them where it is made.",
            )
        return translator
    if isinstance(translator, (str, os.PathLike)):
        spec = "combined" if translator == AUTO else os.fspath(translator)
        if isinstance(translator, str) and spec in TRANSLATORS:
            return TRANSLATORS[spec](**options)
        if adapter_of(translator)[0]:
            return _passthrough(reads_japanese=True, name=ADAPTER, **options)
        if isinstance(translator, str) and spec.startswith("marian:"):
            return _marian(spec.removeprefix("marian:") or None, **options)
        if isinstance(translator, str) and spec.startswith("combined:"):
            return _combined(spec.removeprefix("combined:") or None, **options)
        if spec and Path(spec).is_dir():
            return _marian(Path(spec), **options)
    names = ", ".join([AUTO, *TRANSLATORS, ADAPTER])
    raise InputError(
        "translator.unknown",
        ja=f"翻訳器 {translator!r} は見つかりません。使えるのは {names}、'marian:フォルダー'、"
        "'marian:Hub の ID'、'combined:フォルダー'、'adapter:フォルダー'、Marian モデルのフォルダー、"
        "または translate メソッドを持つオブジェクトです。",
        en=f"there is no translator {translator!r}. Use one of {names}, 'marian:FOLDER', 'marian:HUB_ID', "
        "'combined:FOLDER', 'adapter:FOLDER', the folder of a Marian model, "
        "or an object with a translate method.",
    )
