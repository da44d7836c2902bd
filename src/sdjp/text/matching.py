"""Which brackets of a prompt belong together, and which are faces.

``:(`` and ``:)`` are brackets where they have a partner, and text where they have none: the bracket of
``(猫 :( 犬)`` needs the partner that the face would take.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from sdjp.text.bracketed import has_eyes

BRACKETS: Final = ("open", "weight", "schedule", "close")
"""Groups of tokens that are brackets, or end with one."""
PARTNER: Final = dict(zip("()[]（）［］", ")(][）（］［", strict=True))


class Matching:
    """Brackets matched from left to right.

    A bracket that lacks a partner takes that of the last face before it (behind it, if it opens), and so do
    all brackets between the two; the face is text then.

    Args:
        tokens: Those of a prompt.
        deepest: Brackets inside each other.
        unbalanced: Makes the error for the token of this index, which has no partner.
        nested: Makes the error for the token of this index, which is one too deep.

    Attributes:
        partner: The closing token of each opening one.
        text: Brackets that are text.

    Raises:
        InputError: If brackets do not match, or are nested deeper than ``deepest``.
    """

    def __init__(
        self,
        tokens: Sequence[re.Match[str]],
        *,
        deepest: int,
        unbalanced: Callable[[int], Exception],
        nested: Callable[[int], Exception],
    ) -> None:
        self.partner: dict[int, int] = {}
        self.text: set[int] = set()
        self._tokens = tokens
        self._outer: dict[int, int | None] = {}  # the bracket that each opening one stands in
        self._opened: list[int] = []
        self._sad: list[int] = []  # eyes before them, opening
        self._glad: list[int] = []  # eyes before them, closing
        self._opening: dict[int, int] = {}  # of each closing one
        for i, token in enumerate(tokens):
            if token.lastgroup == "open":
                self._open(i, deepest=deepest, nested=nested)
            elif token.lastgroup in BRACKETS and not self._close(i):
                raise unbalanced(i)
        while self._opened:
            last = self._opened[-1]
            if not self._drop_open():
                raise unbalanced(last)

    def _has_eyes(self, i: int) -> bool:
        token = self._tokens[i]
        return token[0] in "()" and has_eyes(token.string, token.start())

    def _fits(self, opening: int, closing: int) -> bool:
        return PARTNER[self._tokens[opening][0]] == self._tokens[closing][0][-1]

    def _open(self, i: int, *, deepest: int, nested: Callable[[int], Exception]) -> None:
        if len(self._opened) == deepest and self._has_eyes(i):
            self.text.add(i)
            return
        if len(self._opened) == deepest and not self._drop_open():
            raise nested(i)
        self._outer[i] = self._opened[-1] if self._opened else None
        self._opened.append(i)
        if self._has_eyes(i):
            self._sad.append(i)

    def _close(self, i: int) -> bool:
        """Find the partner of a closing bracket; False if there is none."""
        while self._opened and not self._fits(self._opened[-1], i) and self._has_eyes(self._opened[-1]):
            self.text.add(self._opened.pop())
        if self._opened and self._fits(self._opened[-1], i):
            self._pair([self._opened.pop()], [i])
            if self._has_eyes(i):
                self._glad.append(i)
            return True
        if self._has_eyes(i):
            self.text.add(i)
            return True
        return self._drop_closed(i) or (bool(self._opened) and self._drop_open() and self._close(i))

    def _drop_closed(self, i: int) -> bool:
        """Make text of the last face that closes, for a bracket that closes nothing."""
        stop = self._opened[-1] if self._opened else None
        if not self._glad or (stop is not None and self._glad[-1] < stop):
            return False
        chain = self._chain(self._opening[self._glad[-1]], stop)
        if not self._pair(chain, [*(self.partner[o] for o in chain[1:]), i]):
            return False
        self.text.add(self._glad.pop())
        return True

    def _drop_open(self) -> bool:
        """Make text of the last face that opens, for the innermost bracket that nothing closes."""
        last = self._opened[-1]
        if self._has_eyes(last):
            self.text.add(self._opened.pop())
            return True
        while self._sad and self._sad[-1] in self.text:
            self._sad.pop()
        if not self._sad or self._sad[-1] < last:
            return False
        chain = [*self._chain(self._sad[-1], last), last]
        if not self._pair(chain[1:], [self.partner[o] for o in chain[:-1]]):
            return False
        del self.partner[chain[0]]
        self.text.add(self._sad.pop())
        self._opened.pop()
        return True

    def _pair(self, opening: Sequence[int], closing: Sequence[int]) -> bool:
        """Make partners of brackets; False, and nothing done, if two do not fit."""
        if not all(map(self._fits, opening, closing)):
            return False
        self.partner.update(zip(opening, closing, strict=True))
        self._opening.update(zip(closing, opening, strict=True))
        return True

    def _chain(self, inner: int | None, stop: int | None) -> list[int]:
        """The brackets from ``inner`` outwards, before ``stop``."""
        chain: list[int] = []
        while inner is not None and inner != stop:
            if inner not in self.text:
                chain.append(inner)
            inner = self._outer[inner]
        return chain
