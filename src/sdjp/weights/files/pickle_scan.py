"""The size of a pickle, found before anything of it is built.

The operations are gone through one by one on a stack that only knows what may become a key. What the bounds
below let through costs the unpickler seconds and megabytes at most, whatever the file was made for: numbers
with one hash and tuples within tuples as keys make Python count for hours, or end in a crash.
"""

from __future__ import annotations

import pickletools
from typing import IO, Any, Final

from sdjp.weights.files.faults import Fault, damaged, foreign

MAX_BYTES: Final = 32_000_000
"""Of one pickle; that of Stable Diffusion v1 with averages has 300 kB, the tensors lie outside."""
MAX_STEPS: Final = 250_000
"""Operations; some 20 for each tensor, twice as many as a checkpoint with its optimizer has."""
MAX_NAMES: Final = 10_000
"""Names of Python that are looked up."""
MAX_NAME: Final = 500
"""Characters of such a name."""
MAX_TUPLE: Final = 2_000
"""Items; the state of Python's random numbers, which some checkpoints have, has 625."""
MAX_ODD_KEYS: Final = 1_000
"""Keys that are large numbers or tuples; their hashes are the same on every machine."""
LARGE: Final = 2**60
"""Numbers below it have hashes of their own."""

# What a value is as a key.
PLAIN, ODD, NESTED = 0, 1, 2
_MARK: Final = -1
_TUPLES: Final = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_NUMBERS: Final = frozenset({"INT", "LONG", "LONG1", "LONG4"})
_PUT: Final = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GET: Final = frozenset({"GET", "BINGET", "LONG_BINGET"})
_NAMED: Final = frozenset({"GLOBAL", "STACK_GLOBAL", "INST"})


def scan(file: IO[bytes]) -> None:
    """Go through one pickle, to the end of it.

    Raises:
        Fault: If it is broken, or larger than any that holds weights.
    """
    try:
        _Scan().run(file)
    except Fault:
        raise
    except Exception as error:  # a broken pickle can raise anything
        said = f"{type(error).__name__}: {str(error)[:100]}"
        raise damaged(f"pickle の誤り: {said}", f"an error in its pickle: {said}") from error


class _Scan:
    def __init__(self) -> None:
        self.stack: list[int] = []
        self.memo: dict[int, int] = {}
        self.names = self.odd_keys = 0

    def run(self, file: IO[bytes]) -> None:
        """All operations up to the last."""
        for step, (code, value, position) in enumerate(pickletools.genops(file)):
            if step > MAX_STEPS or (position or 0) > MAX_BYTES:
                raise too_large(f"{MAX_STEPS:,} / {MAX_BYTES:,}")
            self._step(code, value)

    def _step(self, code: pickletools.OpcodeInfo, value: Any) -> None:
        name, stack = code.name, self.stack
        if name in _PUT or name == "MEMOIZE":
            place = len(self.memo) if name == "MEMOIZE" else int(value)
            if place > MAX_STEPS:  # the unpickler keeps room for all the places before it
                raise too_large(f"memo {place:,}")
            self.memo[place] = stack[-1]
            return
        if name in _GET:
            stack.append(self.memo[int(value)])
            return
        if name == "DUP":
            stack.append(stack[-1])
            return
        taken = self._take(code)
        if name in _NAMED:
            self.names += 1
            if self.names > MAX_NAMES:
                raise too_large(f"{MAX_NAMES:,}")
        if name == "DICT":
            self._keys(taken[::2])
        elif name == "SETITEM":
            self._keys(taken[1:2])
        elif name == "SETITEMS":
            self._keys(taken[1::2])
        elif name == "ADDITEMS":
            self._keys(taken[1:])
        elif name == "FROZENSET":
            self._keys(taken)
        stack.extend([self._kind(name, value, taken)] * len(code.stack_after))
        if name == "MARK":
            stack[-1] = _MARK

    def _take(self, code: pickletools.OpcodeInfo) -> list[int]:
        """What an operation takes from the stack, without the mark."""
        before, stack = code.stack_before, self.stack
        if pickletools.markobject in before:
            place = len(stack) - 1
            while stack[place] != _MARK:  # an empty stack has none: IndexError
                place -= 1
                if place < 0:
                    raise IndexError("no mark")
            taken = stack[place + 1 :]
            del stack[place:]
            for _ in range(before.index(pickletools.markobject)):
                taken.insert(0, stack.pop())
            return taken
        if len(stack) < len(before):
            raise IndexError("empty stack")
        taken = stack[len(stack) - len(before) :]
        del stack[len(stack) - len(before) :]
        return taken

    def _kind(self, name: str, value: Any, taken: list[int]) -> int:
        """What the result of an operation is as a key."""
        if name == "TUPLE" or name in _TUPLES:
            if len(taken) > MAX_TUPLE:
                raise too_large(f"tuple {len(taken):,}")
            return NESTED if any(taken) or len(taken) > 16 else ODD
        if name == "FROZENSET":
            return NESTED
        return ODD if name in _NUMBERS and abs(value) >= LARGE else PLAIN

    def _keys(self, kinds: list[int]) -> None:
        if NESTED in kinds:
            raise too_large("tuples within tuples as keys")
        self.odd_keys += sum(kinds)
        if self.odd_keys > MAX_ODD_KEYS:
            raise too_large(f"{MAX_ODD_KEYS:,} keys")


def too_large(what: str) -> Fault:
    """Return the fault of a file that asks for more work than weights need; ``what`` names the bound."""
    return foreign(
        f"重みのファイルにはない大きさや入れ子があり（{what}）、読むと計算機が止まるおそれがあります。"
        "使わずに、別の所から入手し直してください",
        f"it has sizes or nesting that no weights have ({what}), and reading it might stall this machine. "
        "Do not use it; get the weights from elsewhere",
    )
