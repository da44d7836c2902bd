"""What a prompt is at each step: see ``composition.py`` for what is written, here for when it counts.

Steps are counted from 1, and only those that are done: of a run that starts from a picture, those that its
strength leaves. Where a picture is enlarged and redrawn, the steps go on: a number with a point is a share of
the first run up to 1, and of the second from 1 to 2; whole numbers count through both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sdjp.errors import InputError
from sdjp.text.composition import Edit, Piece, Template, changes, compose, pieces, shortened
from sdjp.text.prompt import Prompt, marks, parse
from sdjp.text.script import has_letters

T = TypeVar("T")
U = TypeVar("U")

_LORA: Final = re.compile("[<＜](?:lora|ｌｏｒａ)[:：]", re.IGNORECASE)
"""A tag that counts wherever it stands: LoRAs are of the whole run."""
_OF_A_BRACKET: Final = re.compile(r"<[A-Za-z][\w-]*:[^<>\n]*>|\\.|[():|]")


@dataclass(frozen=True)
class Conjunct(Generic[T]):
    """One of the prompts that AND joins; most prompts are one alone, of weight 1.

    Attributes:
        weight: How much it counts.
        entries: What it is, each until a step; the last of them is that of the run.
    """

    weight: float
    entries: tuple[tuple[int, T], ...]

    def at(self, step: int) -> T:
        """What it is at a step, from 1."""
        return next((found for end, found in self.entries if step <= end), self.entries[-1][1])

    def map(self, function: Callable[[T], U]) -> Conjunct[U]:
        """The same of what a function makes of its entries."""
        return Conjunct(self.weight, tuple((end, function(entry)) for end, entry in self.entries))


@dataclass(frozen=True)
class Schedule:
    """A prompt over the steps of a run.

    Attributes:
        conjuncts: What AND joins.
        unused: What of the prompt stands at no step of this run.
    """

    conjuncts: tuple[Conjunct[Prompt], ...]
    unused: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it is one prompt, of weight 1, from the first step to the last."""
        return len(self.conjuncts) == 1 and len(self.conjuncts[0].entries) == 1

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """All that it is at any step, as often as it changes."""
        return tuple(prompt for conjunct in self.conjuncts for _, prompt in conjunct.entries)


def is_single(prompt: Prompt) -> bool:
    """Whether a prompt is the same at every step, and no AND joins others in it.

    Raises:
        InputError: As :func:`sdjp.text.composition.compose` does.
    """
    composed = compose(prompt.source)
    return len(composed) == 1 and not changes(composed[0][1])


def check_single(prompts: Sequence[Prompt]) -> None:
    """Refuse prompts that have more than one state: they change with the steps, or AND joins them.

    Raises:
        InputError: If there is one.
    """
    for prompt in prompts:
        if not is_single(prompt):
            raise InputError(
                "prompt.states",
                ja=f"「{shortened(prompt.source)}」はステップごとに変わるか、AND でつないだプロンプトなので、"
                "1 つの埋め込みにできません。generate の prompt に渡すか、変わる前と後を別々に "
                "encode_prompt に渡してください。",
                en=f"{shortened(prompt.source)!r} changes with the steps, or AND joins prompts in it: it has "
                "no single states. Give it to generate, or give encode_prompt one variant after the other.",
            )


def schedule(prompt: Prompt, passes: Sequence[int]) -> Schedule:
    """Return what a prompt is at each step.

    Args:
        prompt: A parsed prompt.
        passes: The steps of a run; then those of the run over the enlarged picture, if there is one.

    Example:
        >>> [one] = schedule(parse("[猫:犬:0.5]が走る"), [20]).conjuncts
        >>> [(end, str(variant)) for end, variant in one.entries]
        [(10, '猫が走る'), (20, '犬が走る')]

    Raises:
        InputError: If what is written means nothing, or a variant is no prompt.
    """
    steps = max(sum(passes), 1)
    if is_single(prompt):
        _refuse_marks(prompt)
        return Schedule((Conjunct(1.0, ((steps, prompt),)),))
    composed = compose(prompt.source)
    parsed: dict[str, Prompt] = {}
    seen: set[Piece] = set()
    conjuncts = []
    for weight, template in composed:
        entries: list[tuple[int, str]] = []
        for step in range(1, steps + 1):
            now = list(_at(template, step, passes))
            seen.update(now)
            text = "".join(piece.text for piece in now)
            if entries and entries[-1][1] == text:
                entries.pop()
            entries.append((step, text))
        for _, text in entries:
            if text not in parsed:
                parsed[text] = parse(text)
                _refuse_marks(parsed[text])
        conjuncts.append(Conjunct(weight, tuple((end, parsed[text]) for end, text in entries)))
    unused = [
        piece.text.strip()
        for _, template in composed
        for piece in pieces(template)
        if piece not in seen and has_letters(piece.text) and not _LORA.match(piece.text)
    ]
    return Schedule(tuple(conjuncts), tuple(dict.fromkeys(unused)))


def written(conjuncts: Sequence[Conjunct[str]]) -> str:
    """Write whole texts, each until its step, as one prompt that means the same.

    Example:
        >>> written([Conjunct(1.0, ((10, "a cat"), (20, "a dog"))), Conjunct(0.5, ((20, "snow"),))])
        '[a cat:a dog:10] AND snow :0.5'
    """
    joined = [_written(conjunct.entries) for conjunct in conjuncts]
    if len(conjuncts) == 1:
        return joined[0]
    return " AND ".join(
        text if conjunct.weight == 1 else f"{text} :{conjunct.weight:g}"
        for text, conjunct in zip(joined, conjuncts, strict=True)
    )


def _written(entries: Sequence[tuple[int, str]]) -> str:
    if len(entries) == 1:
        return entries[0][1]
    by_step = [text for (end, text), start in zip(entries, _starts(entries), strict=True)
               for _ in range(start, end + 1)]  # fmt: skip
    steps = len(by_step)
    turns = next(n for n in range(1, steps + 1) if all(by_step[i] == by_step[i % n] for i in range(steps)))
    if turns <= steps // 2:
        return f"[{'|'.join(_colons_escaped(text) for text in by_step[:turns])}]"
    text = _colons_escaped(entries[-1][1])
    for end, before in reversed(entries[:-1]):
        text = f"[{_colons_escaped(before)}:{text}:{end}]"
    return text


def _starts(entries: Sequence[tuple[int, object]]) -> list[int]:
    """The first step of each entry."""
    return [1, *(end + 1 for end, _ in entries[:-1])]


def ranges(entries: Sequence[tuple[int, T]]) -> dict[T, tuple[tuple[int, int], ...]]:
    """The steps of each that is at any step, in ranges: the first and the last of them."""
    found: dict[T, tuple[tuple[int, int], ...]] = {}
    for (end, entry), start in zip(entries, _starts(entries), strict=True):
        found[entry] = (*found.get(entry, ()), (start, end))
    return found


def _at(template: Template, step: int, passes: Sequence[int]) -> Iterator[Piece]:
    """The text of a template at a step."""
    for node in template:
        if isinstance(node, Piece):
            yield node
        elif isinstance(node, Edit):
            yield from _at(node.before if step <= _end(node.when, step, passes) else node.after, step, passes)
        else:
            turn = (step - _steps_before(step, passes) - 1) % len(node.options)
            yield from _at(node.options[turn], step, passes)


def _end(when: str, step: int, passes: Sequence[int]) -> int:
    """The last step of ``before``, as seen from the run that ``step`` belongs to."""
    before = _steps_before(step, passes)
    steps, redrawn = (passes[1], 1) if len(passes) > 1 and step > passes[0] else (passes[0], 0)
    number = (float(when) - redrawn) * steps if "." in when else float(when) - before
    return before + int(max(-1.0, min(float(steps), number)))


def _steps_before(step: int, passes: Sequence[int]) -> int:
    return passes[0] if len(passes) > 1 and step > passes[0] else 0


def _refuse_marks(prompt: Prompt) -> None:
    """Refuse what looks like prompt editing after all: nothing of it is passed on as characters."""
    found = [mark for mark in marks(prompt) if mark in ("[", "AND")]
    if found:
        raise InputError(
            "prompt.edit_unclear",
            ja=f"「{shortened(prompt.source)}」の「{found[0]}」の働きを決められません。[前:後:0.5] や"
            " [甲|乙] の形にし、文字として使うなら直前に「\\」を付けてください。",
            en=f"what {found[0]!r} is to do in {shortened(prompt.source)!r} cannot be told. Write "
            "[before:after:0.5] or [this|that], or put \\ before it for the character itself.",
        )


def _colons_escaped(text: str) -> str:
    r"""A text that goes into a bracket: its colons are characters, but for those of weights and tags."""
    depth = 0

    def escaped(match: re.Match[str]) -> str:
        nonlocal depth
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        return f"\\{match[0]}" if match[0] in ":|" and depth <= 0 else match[0]

    return _OF_A_BRACKET.sub(escaped, text)
