"""Which text states condition which picture at which step: prompt editing, alternation, AND."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdjp.text.schedule import Conjunct


@dataclass(frozen=True, kw_only=True)
class Composition:
    """Rows of text states, for each picture.

    Attributes:
        cond: What AND joins in its prompt, in rows of ``Encoded.cond``.
        uncond: Its negative prompt, in rows of ``Encoded.uncond``.
    """

    cond: tuple[tuple[Conjunct[int], ...], ...]
    uncond: tuple[Conjunct[int], ...]

    def of(self, pictures: range) -> Composition:
        """That of some of the pictures."""
        rows = slice(pictures.start, pictures.stop)
        return Composition(cond=self.cond[rows], uncond=self.uncond[rows])

    def at(self, step: int) -> tuple[list[int], list[int]]:
        """The rows at a step, from 1: those of all conjuncts of all pictures, and those of ``uncond``."""
        cond = [conjunct.at(step) for of_one in self.cond for conjunct in of_one]
        return cond, [conjunct.at(step) for conjunct in self.uncond]

    @property
    def weights(self) -> tuple[tuple[float, ...], ...]:
        """The weights of the conjuncts of each picture."""
        return tuple(tuple(conjunct.weight for conjunct in of_one) for of_one in self.cond)

    @property
    def joined(self) -> bool:
        """Whether there is an AND in any of it."""
        return any(len(of_one) > 1 for of_one in self.cond)


def constant(rows: Sequence[int]) -> tuple[Conjunct[int], ...]:
    """Rows that are the same at every step."""
    return tuple(Conjunct(1.0, ((1, row),)) for row in rows)
