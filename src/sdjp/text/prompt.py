r"""Weights, tags and BREAK: the prompt syntax of AUTOMATIC1111's web UI, to a small tree and back.

==================  ================================================================================
``(猫:1.2)``        weight 1.2
``(猫)`` ``[猫]``   weight 1.1, and 1 / 1.1; brackets nest and their weights multiply
``\(`` ``\)`` …     the character itself
``<lora:名前:0.8>``  a tag, kept apart as it stands; likewise ``<hypernet:…>`` and any other ``<word:…>``
``BREAK``           starts a new chunk of tokens
``, ``              a separator: the text between two of them is one leaf; the 、 of a sentence, which the
                    normalizer leaves, belongs to the sentence
==================  ================================================================================

Text, though it has brackets:

- faces: ``\(^o^)/``, ``(^_^)``, ``(T_T)``, ``(笑)``; ``:)`` and ``:(`` where the bracket has no partner,
  or takes the one of another (see ``matching.py``);
- ratios and times: a whole number behind a number, ``(16:9)``, ``(8:00)``, ``(比率 3:4)``; two short numbers
  with at most two decimals and nothing else, ``(1:1.5)``;
- labels: a whole number behind a word that takes one, ``(年齢:17)``, ``(ratio:2)``; see ``bracketed.py``;
- whole numbers of at most four digits that no weight can be: ``(身長:170)``, ``(神社:1000)``.

Every other ``(…:number)`` is a weight, and refused if its number is none from 0 to ``MAX_WEIGHT``: so are
``(猫:1.2)``, ``(cat:2)``, ``(1990:1.2)``, and ``(16:9:1.2)``. Decimals make a weight of what would be text:
``(ratio:2.0)``.

Kept as text and not acted on: braces ``{赤|青}`` and ``__wildcard__``. Kept here, and taken apart before
anything is drawn (see ``composition.py``): alternation ``[赤|青]``, prompt editing ``[猫:犬:0.5]``, ``AND``.
Their words are leaves of their own, so that a translator sees no syntax.

A prompt may be typed full-width: :func:`parse` normalizes it first, which makes the brackets ASCII. Only what
was typed as a bracket is one: ㈱, which normalizes to ``(株)``, is escaped before. Brackets that do not match
are refused; the message tells where they stand in what was typed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from sdjp.errors import InputError
from sdjp.text.bracketed import FACE, is_value
from sdjp.text.matching import BRACKETS, PARTNER, Matching
from sdjp.text.normalize import TAG_RE, normalize, remove_invisible
from sdjp.text.tree import (
    Break,
    Node,
    Prompt,
    Run,
    Separator,
    Tag,
    Text,
    Verbatim,
    Weighted,
    flatten,
    map_text,
    marks,
    tags,
    text_leaves,
    unparse,
    weighted_runs,
)

__all__ = [
    "EMPHASIS",
    "MAX_NESTING",
    "MAX_PROMPT_LENGTH",
    "MAX_WEIGHT",
    "Break",
    "Node",
    "Prompt",
    "Run",
    "Separator",
    "Tag",
    "Text",
    "Verbatim",
    "Weighted",
    "map_text",
    "marks",
    "parse",
    "tags",
    "text_leaves",
    "unparse",
    "weighted_runs",
]

MAX_PROMPT_LENGTH: Final = 20_000
"""Characters of a prompt."""
MAX_NESTING: Final = 50
"""Brackets inside each other."""
MAX_WEIGHT: Final = 10.0
"""Of one bracket, and of all around a word together."""
EMPHASIS: Final = 1.1
"""The factor of ``(…)``, and the divisor of ``[…]``."""

_TOKEN: Final = re.compile(
    rf"""
      (?P<tag>{TAG_RE.pattern})
    | (?P<face>{FACE})
    | \\(?P<escaped>[\\()\[\]{{}}|])
    | (?P<open>[(\[])
    | :(?P<weight>[+-]?[0-9.]+)\)
    | (?P<schedule>:\ ?[0-9.]+\ ?\])
    | (?P<close>[)\]])
    | (?P<break>(?<![A-Za-z0-9_])BREAK(?![A-Za-z0-9_]))
    | (?P<verbatim>[{{}}|]|(?<![A-Za-z0-9_])AND(?![A-Za-z0-9_])|__(?:(?!__)[\w/.*-])+__)
    | (?P<separator>,\ )
    | (?P<colon>:)
    | (?P<text>[^<\\()\[\]:BA{{}}|_,]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# What is syntax though it is typed full-width, for prompts that are not normalized.
_WIDE_SYNTAX: Final = re.compile(
    r"[<＜][A-Za-zＡ-Ｚａ-ｚ][\w-]*[:：][^<>＜＞\n]*[>＞]|[\\＼¥￥](?=[()\[\]（）［］])|[（）［］]"
    r"|[:：]\s*[+＋-]?[0-9０-９.．]+\s*(?=[)）])"
)

# One character that NFKC would spell with brackets: ⁽ ₍ ⑴ ⒜ ㈠ ㈱ 🄐
_BRACKETED: Final = re.compile(f"{TAG_RE.pattern}|[⁽⁾₍₎⑴-⒇⒜-⒵㈀-㈞㈠-㉃\U0001f110-\U0001f129]")
_AS_TYPED: Final = re.compile(
    r"[<＜][A-Za-zＡ-Ｚａ-ｚ][\w-]*[:：][^<>＜＞\n]*[>＞]|[\\＼][\\＼()\[\]{}|（）［］｛｝｜]|[¥￥][()\[\]{}（）［］｛｝]"
    r"|(?P<bracket>[()\[\]（）［］])"
)


def parse(text: str, *, as_typed: bool = False) -> Prompt:
    r"""Parse what a user typed; it is normalized on the way.

    Example:
        >>> parse("（猫：１．２）、<lora:a:1>")  # doctest: +NORMALIZE_WHITESPACE
        Prompt(nodes=(Weighted(children=(Text(text='猫'),), weight=1.2, form='number'), Separator(raw=', '),
                      Tag(raw='<lora:a:1>')))
        >>> print(parse("¥（株¥）サクラ　と　㈱モミジ"))
        \(株\)サクラ と \(株\)モミジ

    Args:
        text: The prompt.
        as_typed: Leave the text between the syntax as it is, for models that read Japanese themselves and
            were trained on text as people write it; commas then belong to the text.

    Raises:
        InputError: If the text has a NUL in it, is longer than ``MAX_PROMPT_LENGTH``, has brackets that do
            not match or are nested deeper than ``MAX_NESTING``, or a weight that is no number from 0 to
            ``MAX_WEIGHT``.
    """
    nul = text.find("\0") + 1
    if nul:
        raise InputError(
            "prompt.nul",
            ja=f"プロンプトの {nul} 文字目に NUL 文字（U+0000）があります。取り除いてください。",
            en=f"character {nul} of the prompt is NUL (U+0000). Remove it.",
        )
    if len(text) > MAX_PROMPT_LENGTH:
        raise InputError(
            "prompt.too_long",
            ja=f"プロンプトが長すぎます（{len(text)} 文字）。{MAX_PROMPT_LENGTH} 文字以内にしてください。",
            en=f"the prompt has {len(text)} characters. Use at most {MAX_PROMPT_LENGTH}.",
        )
    typed = remove_invisible(text)
    normalized = (
        _WIDE_SYNTAX.sub(_narrow, typed) if as_typed else normalize(_BRACKETED.sub(_escape_bracketed, typed))
    )
    tokens = list(_TOKEN.finditer(normalized))
    prompt = Prompt(_build(tokens, *_match_brackets(tokens, typed), as_typed=as_typed), source=text)
    _check_product(prompt)
    return prompt


def _escape_bracketed(match: re.Match[str]) -> str:
    if len(match[0]) > 1:
        return match[0]  # a tag
    return re.sub(r"[()]", r"\\\g<0>", unicodedata.normalize("NFKC", match[0]))


def _narrow(match: re.Match[str]) -> str:
    narrow = unicodedata.normalize("NFKC", match[0])
    return "\\" if narrow == "¥" else re.sub(r"\s", "", narrow) if narrow[0] == ":" else narrow


def _match_brackets(tokens: Sequence[re.Match[str]], typed: str) -> tuple[set[int], set[int]]:
    """Find the partner of every bracket; return the indices of those that are kept as syntax, and as text."""
    matching = Matching(
        tokens,
        deepest=MAX_NESTING,
        unbalanced=lambda i: _unbalanced(tokens, i, typed),
        nested=lambda i: _nested_too_deep(_position(tokens, i, typed)[0]),
    )
    kept: set[int] = set()
    text = set(matching.text)
    opened: list[int] = []
    braces: list[int] = []  # braces open inside each of them
    for i, token in enumerate(tokens):
        if i in matching.partner:
            opened.append(i)
            braces.append(0)
            end = tokens[matching.partner[i]]
            pair = {i, matching.partner[i]}
            if end.lastgroup == "schedule":
                kept |= pair
            elif end.lastgroup == "weight" and is_value(
                token.string[token.end() : end.start()], end["weight"]
            ):
                text |= pair
        elif opened and i == matching.partner[opened[-1]]:
            opened.pop()
            braces.pop()
        elif token.lastgroup == "verbatim" and opened:
            braces[-1] += {"{": 1, "}": -1}.get(token[0], 0)
            pair = {opened[-1], matching.partner[opened[-1]]}
            if token[0] == "|" and braces[-1] <= 0 and tokens[max(pair)][0] == "]":
                kept |= pair
    return kept, text


def _build(
    tokens: Sequence[re.Match[str]], kept: set[int], text: set[int], *, as_typed: bool
) -> tuple[Node, ...]:
    as_text = {"text", "face", "separator"} if as_typed else {"text", "face"}
    levels: list[list[Node]] = [[]]
    colons_kept = [False]  # whether ":" belongs to [a:b:0.5], for each open bracket
    written: list[str] = []

    def add(*nodes: Node) -> None:
        leaf = "".join(written)
        written.clear()
        if leaf.startswith(" "):
            levels[-1].append(Separator(" "))
        if leaf.strip(" "):
            levels[-1].append(Text(leaf.strip(" ")))
            if leaf.endswith(" "):
                levels[-1].append(Separator(" "))
        levels[-1].extend(nodes)

    for i, token in enumerate(tokens):
        kind, raw = token.lastgroup, token[0]
        if kind == "escaped":
            written.append(token["escaped"])
        elif i in text and kind == "weight" and colons_kept[-1]:
            add(Verbatim(":"))  # [(12:30):0.5]: this colon, too, is of the bracket around
            written.append(raw[1:])
        elif kind in as_text or i in text or (kind == "colon" and not colons_kept[-1]):
            written.append(raw)
        elif i in kept:
            add(Verbatim(raw))
            if kind == "open":
                colons_kept.append(True)
            else:
                colons_kept.pop()
        elif kind == "open":
            add()
            levels.append([])
            colons_kept.append(False)
        elif kind in BRACKETS:
            add()
            children = tuple(levels.pop())
            colons_kept.pop()
            if kind == "weight":
                add(Weighted(children, _weight(token["weight"]), "number"))
            elif raw == ")":
                add(Weighted(children, EMPHASIS, "round"))
            else:
                add(Weighted(children, 1 / EMPHASIS, "square"))
        elif kind == "break":
            add(Break())
        elif kind == "tag":
            add(Tag(raw))
        else:
            add(Separator(raw) if kind == "separator" else Verbatim(raw))
    add()
    return tuple(levels[0])


def _weight(number: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        weight = -1.0
    if not 0.0 <= weight <= MAX_WEIGHT:
        raise InputError(
            "prompt.weight",
            ja=f"重み「{number}」は使えません。0 から {MAX_WEIGHT:g} の数にしてください（例: (笑顔:1.2)）。",
            en=f"the weight {number!r} is not possible. Use 0 to {MAX_WEIGHT:g}, as in (smile:1.2).",
        )
    return weight


def _check_product(prompt: Prompt) -> None:
    for node, weight in flatten(prompt.nodes):
        if isinstance(node, Text) and weight > MAX_WEIGHT:
            raise InputError(
                "prompt.weight",
                ja=f"「{node.text}」にかかる重みの積が {weight:g} です。{MAX_WEIGHT:g} 以下にしてください。",
                en=f"the weights of {node.text!r} multiply to {weight:g}. Keep to {MAX_WEIGHT:g} or less.",
            )


def _position(tokens: Sequence[re.Match[str]], index: int, typed: str) -> tuple[int, str]:
    """Where a bracket was typed (counted from 1, invisible characters left out), and how it looks there.

    The normalizer keeps brackets and their order, so the n-th of the tokens is the n-th that was typed.
    """
    brackets = [i for i, token in enumerate(tokens) for _ in _typed_brackets(token)]
    places = _typed_brackets(typed)
    if len(places) != len(brackets):
        return tokens[index].end(), tokens[index][0][-1]
    place = places[brackets.index(index)]
    return place.start() + 1, place[0]


def _typed_brackets(text: str | re.Match[str]) -> list[re.Match[str]]:
    """The brackets of a text, or of a token that may have some."""
    if not isinstance(text, str):
        text = text[0] if text.lastgroup in (*BRACKETS, "face") else ""
    return [match for match in _AS_TYPED.finditer(text) if match["bracket"]]


def _unbalanced(tokens: Sequence[re.Match[str]], index: int, typed: str) -> InputError:
    position, bracket = _position(tokens, index, typed)
    partner = PARTNER[bracket]
    near = " ".join(typed[max(0, position - 11) : position + 10].split())
    return InputError(
        "prompt.unbalanced",
        ja=f"{position} 文字目の「{bracket}」に対応する「{partner}」がありません（「{near}」の部分）。"
        f"括弧の対応を直すか、文字として使うなら直前に「\\」を付けて「\\{bracket}」としてください。",
        en=f"the {bracket!r} at character {position} has no matching {partner!r} (near {near!r}). "
        f"Match the brackets, or write \\{bracket} for the character itself.",
    )


def _nested_too_deep(position: int) -> InputError:
    return InputError(
        "prompt.nesting",
        ja=f"{position} 文字目で括弧が {MAX_NESTING} 重を超えます。数で書いてください（例: (猫:1.5)）。",
        en=f"brackets nest deeper than {MAX_NESTING} at character {position}. Write (cat:1.5) instead.",
    )
