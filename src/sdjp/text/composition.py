r"""Prompts that are more than one: prompt editing, alternation and ``AND``, as in AUTOMATIC1111's web UI.

======================  ==========================================================================
``[猫:犬:0.5]``         prompt editing: 猫 until half of the steps, then 犬
``[猫:0.5]``            nothing until then; ``[猫::0.5]``: nothing after it
``[猫:犬:8]``           a whole number counts steps; a number with a point is a share of them
``[赤い|青い]``         alternation: one step this, one step that; any number of them
``猫 :1.2 AND 犬 :0.8`` composable diffusion (Liu et al. 2022, arXiv 2206.01714): each is drawn towards,
                        with its weight
======================  ==========================================================================

They nest, and everything else may be in them. What is here works on the text as it was typed, full-width or
not, before it is normalized: each variant is a prompt of its own then. ``\:`` and ``\|`` in a bracket are the
characters. That brackets match is known already, see ``prompt.py``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sdjp.errors import InputError
from sdjp.text.normalize import remove_invisible
from sdjp.text.script import has_letters

MAX_CONJUNCTS: Final = 16
"""Prompts that AND joins; each is a row more for the UNet."""
MAX_AND_WEIGHT: Final = 10.0
"""Of one of them, either sign."""

_MAY_BE: Final = re.compile(r"[\[［]|AND|ＡＮＤ")
_WORD: Final = "A-Za-z0-9_Ａ-Ｚａ-ｚ０-９＿"
_TOKEN: Final = re.compile(
    rf"""
      (?P<tag>[<＜][A-Za-zＡ-Ｚａ-ｚ][\w-]*[:：][^<>＜＞\n]*[>＞])
    | (?P<escape>[\\＼][\\＼()\[\]{{}}|:（）［］｛｝｜：]|[¥￥][()\[\]{{}}（）［］｛｝])
    | (?P<square>[\[［]) | (?P<square_end>[\]］])
    | (?P<round>[(（]) | (?P<round_end>[)）])
    | (?P<brace>[{{｛]) | (?P<brace_end>[}}｝])
    | (?P<colon>[:：]) | (?P<bar>[|｜])
    | (?P<and>(?<![{_WORD}])(?:AND|ＡＮＤ)(?![{_WORD}]))
    | (?P<text>[^<＜\\＼¥￥\[［\]］(（)）{{｛}}｝:：|｜AＡ]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LIKE_A_NUMBER: Final = re.compile(r"[+-]?[0-9.]+")
_WEIGHT: Final = re.compile(r"\s*[:：]\s*(?P<number>[-+－＋]?(?:\d+[.．]?|\d*[.．]\d+))\s*\Z")


@dataclass(frozen=True, eq=False)
class Piece:
    """Text as it was typed."""

    text: str
    kind: Literal["text", "escape", "tag"] = "text"


@dataclass(frozen=True, eq=False)
class Edit:
    """Prompt editing: ``before``, and from a step on ``after``.

    Attributes:
        before: What is there first.
        after: What is there then.
        when: The number, as it was written.
    """

    before: Template
    after: Template
    when: str


@dataclass(frozen=True, eq=False)
class Alternation:
    """What takes turns, step by step."""

    options: tuple[Template, ...]


Template: TypeAlias = "tuple[Piece | Edit | Alternation, ...]"


def compose(typed: str) -> tuple[tuple[float, Template], ...]:
    """Return what AND joins in a prompt, each with its weight; one of weight 1 where there is no AND.

    A prompt without any of it is one that has one template with nothing but text in it.

    Raises:
        InputError: If what is written means nothing, or would not be what it says in the web UI either.
    """
    text = remove_invisible(typed)
    if not _MAY_BE.search(text):
        return ((1.0, (Piece(text),)),)
    return _Composer(text).conjuncts()


def changes(template: Template) -> bool:
    """Whether there is anything in a template but text."""
    return any(not isinstance(node, Piece) for node in template)


def pieces(template: Template) -> Iterator[Piece]:
    """All text of a template, whenever it is its turn."""
    for node in template:
        if isinstance(node, Piece):
            yield node
        else:
            options = node.options if isinstance(node, Alternation) else (node.before, node.after)
            for option in options:
                yield from pieces(option)


class _Composer:
    """Reads the tokens of one prompt."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_TOKEN.finditer(text))
        self._partner = _partners([token.lastgroup or "" for token in self._tokens])

    def conjuncts(self) -> tuple[tuple[float, Template], ...]:
        fields, signs = self._fields(0, len(self._tokens), ("and",))
        if not signs:
            return ((1.0, fields[0]),)
        if len(fields) > MAX_CONJUNCTS:
            raise InputError(
                "prompt.and_count",
                ja=f"AND でつなげるのは {MAX_CONJUNCTS} 個までです（{len(fields)} 個あります）。",
                en=f"AND joins at most {MAX_CONJUNCTS} prompts, and here are {len(fields)}.",
            )
        if not all(map(_has_words, fields)):
            raise InputError(
                "prompt.and_empty",
                ja="AND の前か後ろに言葉がありません。両側に描きたいものを書いてください"
                "（例: 猫 AND 犬）。ふつうの言葉としての and は小文字で書きます。",
                en="there are no words on one side of an AND. Say what to draw on both, as in: a cat AND a "
                "dog. The ordinary word is written in small letters.",
            )
        return tuple(_weighed(_unescaped(field)) for field in fields)

    def _fields(
        self, first: int, last: int, separators: Sequence[str]
    ) -> tuple[list[Template], list[re.Match[str]]]:
        """The tokens from ``first`` to before ``last``, divided at separators that stand in no bracket."""
        fields: list[Template] = []
        signs: list[re.Match[str]] = []
        nodes: list[Piece | Edit | Alternation] = []
        braces = 0
        i = first
        while i < last:
            token, kind = self._tokens[i], self._tokens[i].lastgroup or ""
            braces += {"brace": 1, "brace_end": -1}.get(kind, 0)
            partner = self._partner.get(i)
            if partner is not None:
                inside = self._square if kind == "square" else self._round
                _extend(nodes, inside(i, partner))
                i = partner
            elif kind in separators and not (kind == "bar" and braces > 0):
                fields.append(tuple(nodes))
                signs.append(token)
                nodes = []
            elif kind == "and":
                raise self._and_inside(token)
            elif kind in ("tag", "escape"):
                nodes.append(Piece(token[0], "tag" if kind == "tag" else "escape"))
            else:
                _extend(nodes, (Piece(token[0]),))
            i += 1
        return [*fields, tuple(nodes)], signs

    def _round(self, i: int, partner: int) -> Template:
        [inside], _ = self._fields(i + 1, partner, ())
        return (Piece(self._tokens[i][0]), *inside, Piece(self._tokens[partner][0]))

    def _square(self, i: int, partner: int) -> Template:
        fields, signs = self._fields(i + 1, partner, ("colon", "bar"))
        kinds = [sign.lastgroup for sign in signs]
        number = _number(fields[-1]) if kinds[-1:] == ["colon"] else None
        raw = self._text[self._tokens[i].start() : self._tokens[partner].end()]
        if "bar" in kinds and "colon" in kinds:
            raise InputError(
                "prompt.edit_mixed",
                ja=f"{shortened(raw)} には「|」と「:」の両方があり、どう変えるのか分かりません。"
                "[猫:[犬|馬]:0.5] のように括弧を分けるか、文字として使う方を「\\:」「\\|」と書いてください。",
                en=f"{shortened(raw)} has both | and : in it, and how it is to change cannot be told. Use a "
                "bracket for each, as in [cat:[dog|horse]:0.5], or write \\: or \\| for the character.",
            )
        if "bar" in kinds:
            return (Alternation(tuple(map(_unescaped, fields))),)
        if number is None:
            nodes: list[Piece | Edit | Alternation] = [Piece(self._tokens[i][0])]
            for field, sign in zip(fields, [*signs, self._tokens[partner]], strict=True):
                _extend(nodes, (*field, Piece(sign[0])))
            return tuple(nodes)
        if not _NUMBER.fullmatch(number):
            raise InputError(
                "prompt.edit_number",
                ja=f"{shortened(raw)} の「{number}」は数として読めません。[猫:犬:0.5] のような割合か、"
                "[猫:犬:8] のようなステップ数を書いてください。",
                en=f"the {number!r} of {shortened(raw)} is no number. Give a share, as in [cat:dog:0.5], or "
                "a number of steps, as in [cat:dog:8].",
            )
        if len(signs) > 2:
            raise InputError(
                "prompt.edit_colons",
                ja=f"{shortened(raw)} には「:」が {len(signs)} 個あり、どこで変えるのか分かりません。"
                "[前:後:0.5] の形にし、文字としての「:」は「\\:」と書いてください。",
                en=f"{shortened(raw)} has {len(signs)} colons, and where it is to change cannot be told. "
                "Write [before:after:0.5], and \\: for the character.",
            )
        before, after = ((), fields[0]) if len(signs) == 1 else fields[:2]
        return (Edit(_unescaped(before), _unescaped(after), number),)

    def _and_inside(self, token: re.Match[str]) -> InputError:
        near = self._text[max(0, token.start() - 10) : token.end() + 10]
        return InputError(
            "prompt.and_inside",
            ja=f"AND は括弧の中では使えません（「{near}」の部分）。括弧の外に書いてください。"
            "ふつうの言葉としての and は小文字で書きます。",
            en=f"AND cannot stand in brackets (near {near!r}). Write it outside of them; the ordinary word "
            "is written in small letters.",
        )


def _partners(kinds: Sequence[str]) -> dict[int, int]:
    """The closing token of each opening one. Round brackets without a partner are faces, and text."""
    partner: dict[int, int] = {}
    opened: list[int] = []
    for i, kind in enumerate(kinds):
        if kind in ("square", "round"):
            opened.append(i)
        elif kind == "round_end" and opened and kinds[opened[-1]] == "round":
            partner[opened.pop()] = i
        elif kind == "square_end":
            while opened and kinds[opened[-1]] == "round":
                opened.pop()
            if opened:
                partner[opened.pop()] = i
    return partner


def _extend(nodes: list[Piece | Edit | Alternation], more: Template) -> None:
    """Append nodes; text is joined to the text before it."""
    for node in more:
        last = nodes[-1] if nodes else None
        if isinstance(node, Piece) and isinstance(last, Piece) and node.kind == last.kind == "text":
            nodes[-1] = Piece(last.text + node.text)
        else:
            nodes.append(node)


def _unescaped(template: Template) -> Template:
    r"""``\:`` as the character that it stands for; all other escapes are the parser's."""
    return tuple(
        Piece(node.text[1:]) if isinstance(node, Piece) and _is_colon(node) else node for node in template
    )


def _is_colon(piece: Piece) -> bool:
    return piece.kind == "escape" and piece.text[1:] in (":", "：")


def _number(template: Template) -> str | None:
    """The number that a field is, in ASCII; None if it is none, nor anything like it."""
    if len(template) != 1 or not isinstance(template[0], Piece):
        return None
    text = unicodedata.normalize("NFKC", template[0].text).strip()
    return text if _NUMBER.fullmatch(text) or _LIKE_A_NUMBER.fullmatch(text) else None


def _weighed(template: Template) -> tuple[float, Template]:
    """The weight at the end of a conjunct, tags behind it or not, and the conjunct without it."""
    for i in reversed(range(len(template))):
        node = template[i]
        if isinstance(node, Piece) and (node.kind == "tag" or not node.text.strip()):
            continue
        match = _WEIGHT.search(node.text) if isinstance(node, Piece) and node.kind == "text" else None
        if match is None or not isinstance(node, Piece):
            break
        weight = float(unicodedata.normalize("NFKC", match["number"]))
        if abs(weight) > MAX_AND_WEIGHT:
            raise InputError(
                "prompt.and_weight",
                ja=f"AND の重み {weight:g} は使えません。-{MAX_AND_WEIGHT:g} から {MAX_AND_WEIGHT:g} の数に"
                "してください（例: 猫 :1.2 AND 犬）。重みでなければ「\\:」と書いてください。",
                en=f"the weight {weight:g} beside AND is not possible. Use -{MAX_AND_WEIGHT:g} to "
                f"{MAX_AND_WEIGHT:g}, as in: a cat :1.2 AND a dog. If it is none, write \\: for the colon.",
            )
        return weight, (*template[:i], Piece(node.text[: match.start()]), *template[i + 1 :])
    return 1.0, template


def _has_words(template: Template) -> bool:
    return any(piece.kind != "tag" and has_letters(piece.text) for piece in pieces(template))


def shortened(raw: str) -> str:
    """What a message shows of a long text."""
    shown = " ".join(raw.split())
    return shown if len(shown) <= 40 else f"{shown[:39]}…"
