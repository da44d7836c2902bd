"""The seed of each picture of a run."""

from __future__ import annotations

import secrets

from sdjp.errors import InputError
from sdjp.options import MAX_SEED


def seeds_of(seed: int | tuple[int, ...] | None, count: int) -> tuple[int, ...]:
    """The seeds of ``count`` pictures: seed + i, or those of the list; from chance, if there is none.

    Raises:
        InputError: If a list has another number of them, or the last one is too large.
    """
    if seed is None:
        seed = secrets.randbelow(2**32)
    if isinstance(seed, int):
        if seed + count - 1 > MAX_SEED:
            raise InputError(
                "seed.range",
                ja=f"シード（seed）が大きすぎます。{count} 枚目のシード {seed + count - 1} が、"
                f"上限の {MAX_SEED} を超えます。",
                en=f"seed is too large: that of picture {count}, {seed + count - 1}, is above the highest, "
                f"{MAX_SEED}.",
            )
        return tuple(seed + i for i in range(count))
    if len(seed) != count:
        raise InputError(
            "seed.count",
            ja=f"seed を並べるときは、描く枚数と同じ {count} 個にしてください（{len(seed)} 個）。",
            en=f"a list of seeds needs one for each of the {count} pictures, not {len(seed)}.",
        )
    return seed
