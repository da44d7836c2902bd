"""Forms of Japanese verbs, for prompts made by a grammar."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

_I: Final = dict(zip("うくぐすつぬぶむる", "いきぎしちにびみり", strict=True))
_A: Final = dict(zip("うくぐすつぬぶむる", "わかがさたなばまら", strict=True))
_E: Final = dict(zip("うくぐすつぬぶむる", "えけげせてねべめれ", strict=True))
_TE: Final = dict(
    zip(
        "うくぐすつぬぶむる",
        ("って", "いて", "いで", "して", "って", "んで", "んで", "んで", "って"),
        strict=True,
    )
)


class Forms(NamedTuple):
    """One verb: 読む."""

    plain: str
    te: str
    """読んで"""
    ta: str
    """読んだ"""
    masu: str
    """読み, before ます, たい, ながら"""
    nai: str
    """読ま, before ない"""
    passive: str
    """読まれ"""
    potential: str
    """読め"""


@cache
def _tagger() -> Any:
    import fugashi

    return fugashi.Tagger()


@cache
def forms(verb: str) -> Forms | None:
    """Inflect a verb in dictionary form; None for what is no verb that can be told so.

    Example:
        >>> forms("読む").te, forms("見る").te, forms("散歩する").nai
        ('読んで', '見て', '散歩し')
    """
    stem, last = verb[:-1], verb[-1:]
    if verb.endswith("する"):
        stem = verb[:-2]
        made = Forms(verb, "して", "した", "し", "し", "され", "でき")
        return Forms(verb, *(stem + form for form in made[1:]))
    if verb.endswith(("くる", "来る")):
        return None
    if last not in _TE:
        return None
    if last == "る" and "一段" in (_tagger()(verb)[-1].feature.cType or ""):
        return Forms(verb, stem + "て", stem + "た", stem, stem, stem + "られ", stem + "られ")
    te = stem + _TE[last]
    if verb.endswith(("行く", "いく")):
        te = stem + "って"
    ta = te[:-1] + ("だ" if te.endswith("で") else "た")
    return Forms(verb, te, ta, stem + _I[last], stem + _A[last], stem + _A[last] + "れ", stem + _E[last])
