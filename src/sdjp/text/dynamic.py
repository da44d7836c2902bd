r"""Dynamic prompts: a template with choices, and the prompt that a seed makes of it.

The syntax is that of the extension sd-dynamic-prompts for AUTOMATIC1111's web UI:

=============================  ==================================================================
``{赤|青|白}い車``               one of the options; spaces at their ends do not count
``{2::赤|青}``                  weights: 赤 twice as often
``{2$$赤|青|白}``               two different ones, with ``", "`` between them
``{1-2$$赤|青|白}``             one or two; ``{2-$$…}``: two or more; ``{-2$$…}``: up to two
``{2$$ と $$赤|青|白}``         with `` と `` between them
``{|大きな}``                    an option may be empty
``__動物__``                    a line of ``動物.txt``; see :mod:`sdjp.text.wildcards`
``{2$$__動物__}``               two different lines of it
``\{`` ``\}`` ``\|`` ``\__``    the character itself
=============================  ==================================================================

Choices nest, and lines of a file may have choices in them. What Japanese keyboards give means the same:
｛ ｜ ｝ ＿＿ ＄＄ ：：. A ``|`` in square brackets within a choice belongs to them, ``{[猫|犬]|鳥}``; braces
without a partner are text.

Chance is ``random.Random``, seeded with a string of the seed and the template, of which only ``random()`` is
used: Python promises the same numbers in all versions and on all machines.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sdjp.errors import InputError
from sdjp.text.template import (
    MAX_DEPTH,
    WEIGHT,
    Choice,
    Node,
    Option,
    Wildcard,
    number,
    parse_template,
    too_deep,
)
from sdjp.text.wildcards import Wildcards

MAX_CHOICES: Final = 10_000
"""Choices and wildcards in one expansion."""
MAX_LENGTH: Final = 20_000
"""Characters of an expansion, as of every prompt."""


def is_dynamic(text: str) -> bool:
    """Whether a text is a template: there is a choice or a wildcard in it, if only behind a backslash.

    Example:
        >>> is_dynamic("{赤|青}い車"), is_dynamic("赤い車"), is_dynamic(r"\\{赤|青\\}い車")
        (True, False, False)
    """
    parts = parse_template(text)
    return any(not isinstance(part, str) for part in parts) or "".join(map(str, parts)) != text


def expand(template: str, *, seed: int, wildcards: str | Path | Wildcards | None = None) -> str:
    """Return the prompt that a seed makes of a template: the same each time, everywhere.

    Escapes such as ``\\{`` stay, for the prompt has the same; a wildcard behind a backslash loses it.

    Example:
        >>> [expand("{赤|青|白}い{車|家}", seed=seed) for seed in range(4)]
        ['白い車', '白い車', '白い車', '青い家']

    Args:
        template: What was typed; a text without choices comes back as it is.
        seed: That of the picture.
        wildcards: The folder of the wildcards, or an object that has read it.

    Raises:
        InputError: If a wildcard is unknown or stands within itself, a choice has too few options, or what
            comes of it is nested deeper than ``MAX_DEPTH``, longer than ``MAX_LENGTH`` characters, or made of
            more than ``MAX_CHOICES`` choices.
    """
    known = wildcards if isinstance(wildcards, Wildcards) else Wildcards(wildcards)
    return _Expansion(known, random.Random(f"{seed} {template}")).text(parse_template(template), ())


def check_template(template: str, wildcards: Wildcards) -> None:
    """Look through all that a template may become, whatever the seed.

    Raises:
        InputError: As :func:`expand`, for what does not depend on the seed.
    """
    _check(parse_template(template), wildcards, (), set())


# What may become of it, and what does.


def _options_of(choice: Choice, wildcards: Wildcards) -> tuple[tuple[Option, ...], str | None]:
    """The options of a choice, and the wildcard whose lines they are, where that is all there is in it."""
    only = choice.options[0].parts if len(choice.options) == 1 else ()
    if len(only) == 1 and isinstance(only[0], Wildcard):
        return _lines(only[0], wildcards), only[0].name
    return choice.options, None


def _lines(wildcard: Wildcard, wildcards: Wildcards) -> tuple[Option, ...]:
    options = []
    for line in wildcards.options(wildcard.name):
        weighted = WEIGHT.match(line)
        text = line if weighted is None else line[weighted.end() :].strip()
        options.append(Option(parse_template(text), 1.0 if weighted is None else number(weighted["weight"])))
    _check_weights(options, f"__{wildcard.name}__")
    return tuple(options)


def _check_weights(options: Sequence[Option], source: str) -> None:
    if not any(option.weight > 0 for option in options):
        raise InputError(
            "dynamic.weights",
            ja=f"{source} の重みがすべて 0 です。どれかを 0 より大きくしてください。",
            en=f"all weights in {source} are 0. Give one that is above 0.",
        )


def _bounds(choice: Choice, options: Sequence[Option]) -> tuple[int, int]:
    """How many are taken, at least and at most."""
    _check_weights(options, choice.source)
    there = sum(option.weight > 0 for option in options)
    low, high = choice.low, there if choice.high is None else choice.high
    if not low <= high <= there:
        raise InputError(
            "dynamic.count",
            ja=f"{choice.source} からは選べません。"
            f"候補は {there} 個で、選ぶ数の指定は {low} 個以上 {high} 個以下です。",
            en=f"nothing can be chosen by {choice.source}: it asks for {low} to {high} of {there} options.",
        )
    return low, high


def _below(name: str, above: tuple[str, ...]) -> tuple[str, ...]:
    """The wildcards that are open once this one is.

    Raises:
        InputError: If it is open already, or too many are.
    """
    if name in above:
        circle = " → ".join(f"__{one}__" for one in (*above[above.index(name) :], name))
        raise InputError(
            "dynamic.cycle",
            ja=f"ワイルドカードが自分自身を含んでいます（{circle}）。どれかのファイルから取り除いてください。",
            en=f"a wildcard stands within itself ({circle}). Remove it from one of the files.",
        )
    if len(above) >= MAX_DEPTH:
        raise too_deep()
    return (*above, name)


def _check(parts: Sequence[Node], wildcards: Wildcards, above: tuple[str, ...], seen: set[str]) -> None:
    for part in parts:
        if isinstance(part, str):
            continue
        name: str | None
        if isinstance(part, Wildcard):
            options, name = _named(part, wildcards, above)
        else:
            options, name = _options_of(part, wildcards)
            _bounds(part, options)
        below = above if name is None else _below(name, above)
        if name is None or name not in seen:
            for option in options:
                _check(option.parts, wildcards, below, seen)
            seen |= set() if name is None else {name}


def _named(
    wildcard: Wildcard, wildcards: Wildcards, above: tuple[str, ...]
) -> tuple[tuple[Option, ...], str]:
    _below(wildcard.name, above)
    return _lines(wildcard, wildcards), wildcard.name


class _Expansion:
    """One expansion, which ends: its choices and characters are counted."""

    def __init__(self, wildcards: Wildcards, chance: random.Random) -> None:
        self.wildcards = wildcards
        self.chance = chance
        self.choices = 0

    def text(self, parts: Sequence[Node], above: tuple[str, ...]) -> str:
        text = "".join(part if isinstance(part, str) else self._chosen(part, above) for part in parts)
        if len(text) > MAX_LENGTH:
            raise InputError(
                "dynamic.long",
                ja=f"展開したプロンプトが {MAX_LENGTH:,} 文字を超えました。短くしてください。",
                en=f"the expanded prompt has more than {MAX_LENGTH:,} characters. Make it shorter.",
            )
        return text

    def _chosen(self, part: Choice | Wildcard, above: tuple[str, ...]) -> str:
        self.choices += 1
        if self.choices > MAX_CHOICES:
            raise InputError(
                "dynamic.many",
                ja=f"展開の途中で選ぶ回数が {MAX_CHOICES:,} 回を超えました。"
                "ワイルドカードの重なりを減らしてください。",
                en=f"the expansion takes more than {MAX_CHOICES:,} choices. "
                "Use fewer wildcards within wildcards.",
            )
        if isinstance(part, Wildcard):
            options, name = _named(part, self.wildcards, above)
            low, high, joiner = 1, 1, ""
        else:
            options, own = _options_of(part, self.wildcards)
            (low, high), joiner, name = _bounds(part, options), part.joiner, own or ""
        below = _below(name, above) if name else above
        count = low if low == high else low + int(self.chance.random() * (high - low + 1))
        return joiner.join(self.text(option.parts, below) for option in self._picked(options, count))

    def _picked(self, options: Sequence[Option], count: int) -> list[Option]:
        """So many different options, by their weights, in the order they come out."""
        left, picked = [option for option in options if option.weight > 0], []
        for _ in range(count):
            at = self.chance.random() * sum(option.weight for option in left)
            index = 0
            while index < len(left) - 1 and at >= left[index].weight:
                at -= left[index].weight
                index += 1
            picked.append(left.pop(index))
        return picked
