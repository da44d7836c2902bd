"""Names of samplers and spacings as people know them from other programs, made our own."""

from __future__ import annotations

from typing import Final

from sdjp.errors import InputError
from sdjp.samplers import ALIASES, SAMPLERS, SPACING_ALIASES, SPACINGS
from sdjp.samplers.names import AUTOMATIC, by_plain_name, plain

SAMPLER_NAMES: Final = (
    *ALIASES,
    *(
        f"{sampler} {spacing}"
        for sampler in ("DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE", "Euler", "Heun", "UniPC")
        for spacing in ("Karras", "Exponential")
    ),
)
"""Names from elsewhere that are understood as a sampler, in their usual spelling; see :func:`own_names`."""
SPACING_NAMES: Final = (AUTOMATIC, *SPACING_ALIASES)
"""As a spacing, likewise."""


def own_names(sampler: str | None, spacing: str | None) -> tuple[str | None, str | None]:
    """Return our names of a sampler and a spacing, whatever program theirs are from.

    "DPM++ 2M Karras" is a sampler with a spacing. "Automatic" is the spacing that a sampler has of its own:
    None. A name of which we know nothing stays as it is, for its registry to refuse.

    Raises:
        InputError: If the name of the sampler has another spacing in it than the one that is given.
    """
    spacings = by_plain_name(SPACINGS, SPACING_ALIASES)
    automatic = spacing is not None and plain(spacing) == plain(AUTOMATIC)
    given = None if spacing is None or automatic else spacings.get(plain(spacing), spacing)
    if sampler is None:
        return None, given
    name, within = _split(sampler, spacings)
    if within is not None and given not in (None, within):
        raise InputError(
            "sampler.spacing",
            ja=f"sampler={sampler!r} は spacing={within!r} を含む名前ですが、spacing={spacing!r} も指定されて"
            f"います。sampler={name!r} にするか、spacing を外してください。",
            en=f"sampler={sampler!r} has spacing={within!r} in its name, and spacing={spacing!r} is given, "
            f"too. Give sampler={name!r}, or leave spacing out.",
        )
    return name, given if within is None else within


def _split(name: str, spacings: dict[str, str]) -> tuple[str, str | None]:
    """The sampler of a name, and the spacing behind it, if there is one."""
    samplers, text = by_plain_name(SAMPLERS, ALIASES), plain(name)
    if text in samplers:
        return samplers[text], None
    for spacing, own in {**spacings, plain(AUTOMATIC): None}.items():
        sampler = samplers.get(text.removesuffix(spacing))
        if sampler is not None and text not in spacings:  # ddim_uniform is a spacing
            return sampler, own
    return name, None
