"""Savings of memory; all of them are off unless they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from sdjp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from sdjp.models.attention_maps import AttentionMaps
    from sdjp.models.unet import DeepFeatures

NORMAL: Final = "normal"
LOW: Final = "low"


@dataclass(frozen=True, kw_only=True)
class MemorySavings:
    """The savings of a pipeline.

    Attributes:
        sequential: Each network is read from its file when its turn comes, and forgotten after.
        slices: One row at a time goes through the UNet, be it of another picture or the other half of
            guidance.
        tiles: The autoencoder, and a network that enlarges, go over pictures in tiles of a quarter of the
            usual side.
    """

    sequential: bool = False
    slices: bool = False
    tiles: bool = False

    @classmethod
    def named(cls, value: str | Collection[str]) -> MemorySavings:
        """Turn the switch into savings.

        Args:
            value: ``"normal"`` (none), ``"low"`` (all), or names of :class:`MemorySavings`, with commas
                between them or in a list.

        Raises:
            InputError: If it is something else.
        """
        if value == NORMAL:
            return cls()
        if value == LOW:
            return cls(**dict.fromkeys(NAMES, True))
        given = value.split(",") if isinstance(value, str) else value
        try:
            names = [name.strip() for name in given]
        except (TypeError, AttributeError) as error:
            raise _unknown(value) from error
        if not names or not set(names) <= set(NAMES):
            raise _unknown(value)
        return cls(**dict.fromkeys(names, True))

    def __str__(self) -> str:
        """The same as a string that :meth:`named` takes."""
        names = [name for name in NAMES if getattr(self, name)]
        return LOW if len(names) == len(NAMES) else ",".join(names) or NORMAL

    def engine(self, name: str, *, auto: str) -> str:
        """Choose the engine: one that keeps no copy of weights where they are not to stay.

        Args:
            name: What was asked for.
            auto: What leaves the choice open.

        Raises:
            InputError: If another engine is asked for beside ``sequential``.
        """
        if not self.sequential or name == "eager":
            return name
        if name == auto:
            return "eager"
        raise InputError(
            "memory.engine",
            ja="memory の sequential（low にも含まれます）は、重みを使うときにだけ読みます。"
            f"重みの写しを持つ engine={name!r} とは一緒に使えません。engine を 'eager' か {auto!r} にするか、"
            "memory='slices' などを指定してください。",
            en="with memory 'sequential' (which is in 'low') weights are read when they are used; "
            f"engine={name!r} keeps a copy of them. Use engine 'eager' or {auto!r}, or memory='slices'.",
        )


NAMES: Final = tuple(f.name for f in fields(MemorySavings))


def by_rows(network: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return what answers like a UNet, asking it for one row after the other."""
    import torch

    def run(
        x: Tensor,
        t: Tensor,
        context: Tensor,
        *,
        deep: DeepFeatures | None = None,
        maps: AttentionMaps | None = None,
        **shortcuts: Any,
    ) -> Tensor:
        rows = zip(*(part.chunk(len(x)) for part in (x, t, context)), strict=True)
        taken: list[dict[str, Any]] = [dict(shortcuts) for _ in range(len(x))]
        if maps is not None:
            for own, of_row in zip(taken, maps.by_rows(len(x)), strict=True):
                own["maps"] = of_row
        if deep is None:
            return torch.cat([network(*row, **own) for row, own in zip(rows, taken, strict=True)])
        known = [type(deep)(None if deep.x is None else part) for part in _parts(deep.x, len(x))]
        for own, features in zip(taken, known, strict=True):
            own["deep"] = features
        out = [network(*row, **own) for row, own in zip(rows, taken, strict=True)]
        deep.x = torch.cat([features.x for features in known if features.x is not None])
        return torch.cat(out)

    return run


def _parts(x: Tensor | None, count: int) -> Collection[Tensor | None]:
    return [None] * count if x is None else x.chunk(count)


def _unknown(value: object) -> InputError:
    names = ", ".join(map(repr, (NORMAL, LOW, *NAMES)))
    return InputError(
        "memory.unknown",
        ja=f"memory に {value!r} は使えません。使える値: {names}"
        f"（後の {len(NAMES)} つは、コンマで並べられます）",
        en=f"memory cannot be {value!r}. Allowed: {names}; the last {len(NAMES)} can be joined by commas.",
    )
