"""A panel: someone says what pictures show, without knowing what was asked for.

``python -m sdjp_training panel`` draws shuffled sheets of numbered pictures, and ``answers.tsv``, which
the grader fills in; ``key.tsv`` beside it has the prompts and stays closed until then. ``panel --score``
compares. What it cannot decide by itself goes into ``decisions.tsv``, where someone writes ``y`` or ``n``.
"""

from __future__ import annotations

import functools
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sdjp_training.release import questions
from sdjp_training.scenes.artwork import Artwork, concepts
from sdjp_training.scenes.tables import rows

if TYPE_CHECKING:
    from sdjp import Pipeline

NEWCOMERS: Final = (
    "馬に乗る宇宙飛行士", "猫", "かわいい犬", "女の子", "青い髪の女性", "笑っている男の人", "桜", "海",
    "富士山", "夜の街", "宇宙", "花", "赤い車", "青い家", "寿司", "ラーメン", "お城", "ドラゴン", "侍",
    "ロボット", "東京タワー", "月", "金魚", "赤い薔薇の花", "滝", "図書館", "白黒の猫", "雪の中の鳥居",
    "本を読む女の子", "左に猫、右に犬", "赤い車と青い家", "アニメの女の子",
)  # fmt: skip
"""What people type first."""
KINDS: Final = ("pair", "riding", "count", "sides", "style", "person", "place", "empty")
"""Kinds of prompts of which the panel sees some, beside single subjects and :data:`NEWCOMERS`."""
EACH: Final = 12
"""Pictures of each of these kinds."""
SHEET: Final = 16
"""Pictures on a sheet."""
COLUMNS: Final = 4
_PARTS: Final = re.compile(r"[,;()]| or ")
_REST: Final = re.compile(r"\b(?:with|on|in|at|of|and|wearing|holding|riding)\b.*")
"""What follows the noun of an answer."""
HEADS: Final = {
    "answers.tsv": "# number\twhat you see\tlooks: 2 clean, 1 crude, 0 unreadable",
    "decisions.tsv": "# number\twhat was asked for\twhat was seen\tright: y or n",
    "key.tsv": "# number\tkind\tseed\tprompt\tanswers that are right",
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of a panel.

    Attributes:
        kind: Of its prompt.
        prompt: In Japanese.
        answers: Words for what is on it, of which any is right; where there are none, someone decides.
    """

    kind: str
    prompt: str
    answers: tuple[str, ...] = ()


def pictures(artwork: Artwork) -> list[Picture]:
    """The pictures of a panel, always the same, in their order."""
    alone = [
        Picture(kind="single", prompt=q.prompt, answers=(concept.japanese, *concept.names))
        for q in questions.nouns(artwork)
        for concept in (artwork.concepts[artwork.index[q.subjects[0]]],)
    ]
    first = [Picture(kind="newcomer", prompt=prompt) for prompt in NEWCOMERS]
    asked = questions.others(artwork, EACH)
    some = [Picture(kind=q.kind, prompt=q.prompt) for q in asked if q.kind in KINDS]
    return alone + first + some


def draw(folder: Path, artwork: Artwork, pipe: Pipeline, seed: int) -> None:
    """Draw a panel.

    Args:
        folder: Where sheets and tables go.
        artwork: The things that the model can draw.
        pipe: The model.
        seed: Of the pictures, the first has this one; and of their order.
    """
    from sdjp.images import grid

    folder.mkdir(parents=True, exist_ok=True)
    shown = pictures(artwork)
    random.Random(seed).shuffle(shown)
    key = []
    for first in range(0, len(shown), SHEET):
        part = shown[first : first + SHEET]
        drawn = pipe.generate([p.prompt for p in part], seed=seed + first, progress=False).images
        numbers = [str(first + i + 1) for i in range(len(part))]
        grid(drawn, columns=COLUMNS, captions=numbers).save(folder / f"sheet-{first // SHEET + 1:02}.png")
        key += [
            f"{n}\t{p.kind}\t{seed + first + i}\t{p.prompt}\t{' | '.join(p.answers)}"
            for i, (n, p) in enumerate(zip(numbers, part, strict=True))
        ]
    _write(folder / "key.tsv", key)
    _write(folder / "answers.tsv", [f"{i + 1}\t\t" for i in range(len(shown))])


def score(folder: Path) -> dict[str, dict[str, float]]:
    """Compare what was seen with what was asked for.

    Returns:
        For each kind, and ``all``: ``pictures``, the share that is ``right``, the share that looks ``clean``.
        Also written as ``scores.json`` into ``folder``.

    Raises:
        ValueError: If answers are missing, or someone has to decide some first, in ``decisions.tsv``.
    """
    answers = {cells[0]: cells[1:] for cells in rows(folder / "answers.tsv")}
    missing = [
        number for number, cells in answers.items() if len(cells) < 2 or cells[1] not in ("0", "1", "2")
    ]
    if missing:
        raise ValueError(f"{folder / 'answers.tsv'}: no answer, or no 0, 1 or 2, for {', '.join(missing)}")
    path = folder / "decisions.tsv"
    decided = {cells[0]: cells[-1] for cells in rows(path)} if path.exists() else {}
    open_, found = [], []
    for number, kind, _, prompt, right in rows(folder / "key.tsv"):
        seen, looks = answers[number][:2]
        is_right = _names(seen, right.split(" | ") if right else [])
        if not is_right and seen:
            open_.append((number, prompt, seen, decided.get(number, "")))
            is_right = decided.get(number) == "y"
        found.append((kind, is_right, looks == "2"))
    _write(path, ["\t".join(row) for row in open_])
    undecided = [number for number, _, _, verdict in open_ if verdict not in ("y", "n")]
    if undecided:
        raise ValueError(f"{path}: y or n is to be written for {', '.join(undecided)}")
    kinds = sorted({kind for kind, _, _ in found})
    scores = {kind: _shares([row for row in found if row[0] == kind]) for kind in kinds}
    scores["all"] = _shares(found)
    (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    return scores


def _shares(found: Sequence[tuple[str, bool, bool]]) -> dict[str, float]:
    return {
        "pictures": len(found),
        "right": sum(right for _, right, _ in found) / len(found),
        "clean": sum(clean for _, _, clean in found) / len(found),
    }


def _names(seen: str, right: Sequence[str]) -> bool:
    """Whether what someone saw is one of the right names: alone, or as the noun of one of its parts.

    A red balloon is a balloon, but a hot dog is no dog: of names of things that are known the longest counts.
    """
    names = {name.lower() for name in right}
    if seen.strip().lower() in names:
        return True
    known = names | _known()
    for part in _PARTS.split(seen.lower()):
        words = _REST.sub("", part).split()
        ends = (" ".join(words[i:]) for i in range(len(words)))
        if next((end for end in ends if end in known), None) in names:
            return True
    return False


@functools.cache
def _known() -> frozenset[str]:
    """The names of all things."""
    return frozenset(name.lower() for concept in concepts() for name in concept.names)


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join([HEADS[path.name], *lines]) + "\n", encoding="utf-8")
