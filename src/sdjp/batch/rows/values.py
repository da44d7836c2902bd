"""Values of a row, as its option takes them: text becomes numbers, truth values, pairs and LoRAs."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from sdjp.batch.rows.names import ID, check_names, once
from sdjp.checks import shown
from sdjp.errors import InputError
from sdjp.options import OPTIONS, check_option, frozen
from sdjp.options.rules import (
    Choice,
    Interval,
    Pixels,
    Real,
    Registered,
    Rule,
    Several,
    Text,
    Weights,
    Whole,
)

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,40}(?:\.0*)?")
_REAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TRUTH: Final[Mapping[str, bool]] = {"true": True, "false": False, "1": True, "0": False}
_NOTHING: Final = ("", "nan", "null")
_EXACT: Final = 2**53
"""The last whole number up to which float has all of them."""


def row_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a row, as JSON data.

    What is empty, null or NaN is left out. Text in the place of a number, a truth value, a pair or LoRAs is
    read as such: ``"8"``, ``"true"``, ``"0 0.6"``, ``"name:0.8 other:0.5"``; where it cannot be, it stays as
    it is, for the rule of the option to refuse.

    Args:
        given: By name; an id is passed over.

    Raises:
        InputError: If a name is unknown, a value cannot be used, or there is no prompt.
    """
    check_names(given)
    values = {name: _value(name, value) for name, value in given.items() if name != ID}
    values = {name: value for name, value in values.items() if value is not None}
    if "prompt" not in values:
        raise InputError(
            "rows.prompt",
            ja="prompt がありません。描きたいものを書いてください。",
            en="there is no prompt. Say what to draw.",
        )
    return values


def is_left_out(value: object) -> bool:
    """Whether a value says nothing: null, NaN, or empty."""
    if isinstance(value, str):
        return not value.strip()
    empty = isinstance(value, list | Mapping) and not value
    return value is None or empty or (isinstance(value, float) and value != value)


def refuse_surrogates(text: str) -> None:
    r"""Refuse text with half a character in it, as ``"\ud83d"`` in JSON is.

    Raises:
        InputError: If there is one.
    """
    half = _SURROGATE.search(text)
    if half is not None:
        raise InputError(
            "rows.surrogate",
            ja=f"文字の片割れ（U+{ord(half[0]):04X}、サロゲート）が含まれています。"
            "消すか、元の文字に直してください。",
            en=f"there is half a character in it (the surrogate U+{ord(half[0]):04X}). Remove it, or write "
            "the character.",
        )


def _value(name: str, value: Any) -> Any:
    """What an option takes, checked, as JSON data; None if it is left out."""
    rule = OPTIONS[name].rule
    if isinstance(rule, Several):
        if isinstance(value, list) and value:
            raise InputError(
                "rows.several",
                ja=f"{name} を並べることはできません。1 行に 1 つにしてください"
                "（1 つのプロンプトで何枚も描くには num_images_per_prompt を使います）。",
                en=f"{name} cannot be a list: give one for each row (num_images_per_prompt draws several "
                "pictures of one prompt).",
            )
        rule = rule.of
    if isinstance(value, str):
        refuse_surrogates(value)
        value = _from_text(rule, value)
    elif isinstance(value, float | Decimal):
        value = _number(rule, value)
    elif isinstance(rule, Weights):
        value = _weights(value)
    if is_left_out(value):
        return None
    check_option(name, frozen(value))
    if name == "attention" and value:
        raise InputError(
            "rows.attention",
            ja="attention は使えません。まとめて描くときは、どの語がどこを描いたかの記録が残らないためです。"
            "1 枚ずつ描くときに使ってください。",
            en="attention cannot be used: which word drew what is not kept of a batch. Use it with single "
            "pictures.",
        )
    return value


def _number(rule: Rule, value: float | Decimal) -> float:
    """A number as the rule takes it: tables with gaps have 8.0 for 8, and some have decimals for both."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    whole = isinstance(rule, Whole | Pixels) and value.is_integer() and abs(value) <= _EXACT
    return int(value) if whole else value


def _from_text(rule: Rule, text: str) -> Any:
    """What text says for a rule: None if it says nothing, the text itself if nobody knows what."""
    if isinstance(rule, Text | Registered) or (isinstance(rule, Choice) and True not in rule.values):
        return text
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    if plain in _NOTHING:
        return None
    if isinstance(rule, Whole | Pixels) and _WHOLE.fullmatch(plain):
        return int(plain.partition(".")[0])
    if isinstance(rule, Real) and _REAL.fullmatch(plain):
        return float(plain)
    if isinstance(rule, Choice):
        return _TRUTH.get(plain, text)
    if isinstance(rule, Interval):
        ends = re.split(r"[\s,]+", plain.removeprefix("[").removesuffix("]").strip())
        return [float(end) for end in ends] if all(map(_REAL.fullmatch, ends)) else text
    return _loras(text) if isinstance(rule, Weights) else text


def _loras(text: str) -> Any:
    """LoRAs as text, ``name:0.8 other``, or as the object that JSON has for them."""
    if text.strip().startswith("{"):
        try:
            return _weights(json.loads(text, object_pairs_hook=once))
        except InputError:
            raise
        except (ValueError, RecursionError):
            return text
    pairs = []
    for one in text.split():
        name, weight = one.rpartition(":")[::2] if ":" in one else (one, "1")
        if not name or not _REAL.fullmatch(weight):
            raise InputError(
                "rows.loras",
                ja=f"loras の {shown(one)} は読めません。名前:0.8 の形で、空白で区切って並べてください。",
                en=f"cannot read {shown(one)} in loras. Write NAME:0.8, with spaces between several.",
            )
        pairs.append((name, float(weight)))
    return once(pairs)


def _weights(value: Any) -> Any:
    """LoRAs as tables have them: pairs, or every name of the table, most of them with nothing."""
    if isinstance(value, list) and all(isinstance(pair, tuple) for pair in value):
        value = once(value)
    if not isinstance(value, Mapping):
        return value
    for name in value:
        refuse_surrogates(name)
    return {name: weight for name, weight in value.items() if not is_left_out(weight)}
